CREATE TABLE store (
    id TEXT NOT NULL PRIMARY KEY,
    run TEXT NOT NULL,
    daemon TEXT NOT NULL,
    host TEXT NOT NULL,
    description BLOB
);
CREATE TABLE subjects (
    id INTEGER NOT NULL PRIMARY KEY,
    path TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    UNIQUE (path, attempt)
);
CREATE TABLE events (
    seq INTEGER NOT NULL PRIMARY KEY,
    subject INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    severity INTEGER NOT NULL,
    time_unix_nanos INTEGER NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX events_by_subject ON events (subject, kind);
CREATE TABLE nodes (
    path TEXT NOT NULL PRIMARY KEY,
    parent TEXT NOT NULL,
    template TEXT NOT NULL,
    depth INTEGER NOT NULL,
    state INTEGER NOT NULL,
    sort TEXT,
    kind INTEGER,
    children INTEGER,
    jobs INTEGER,
    cores INTEGER,
    memory_bytes INTEGER,
    licenses TEXT,
    weight INTEGER,
    seed INTEGER,
    allow_failure INTEGER,
    tags TEXT,
    declared_unix_nanos INTEGER,
    started_unix_nanos INTEGER,
    ended_unix_nanos INTEGER,
    outcome INTEGER,
    reason INTEGER,
    message TEXT,
    attempts INTEGER,
    debug INTEGER,
    info INTEGER,
    warning INTEGER,
    error INTEGER,
    critical INTEGER,
    wall_nanos INTEGER,
    user_nanos INTEGER,
    system_nanos INTEGER,
    peak_memory_bytes INTEGER,
    peak_processes INTEGER,
    tally BLOB,
    first_error BLOB,
    first_failure TEXT,
    first_failure_unix_nanos INTEGER,
    signature TEXT,
    failed_tests BLOB,
    contracts BLOB,
    invalid_commands INTEGER,
    gator_warnings INTEGER
);
CREATE INDEX nodes_by_parent ON nodes (parent, declared_unix_nanos);
CREATE INDEX nodes_by_sort ON nodes (sort);
CREATE INDEX nodes_by_state ON nodes (kind, state, outcome);
CREATE TABLE attempts (
    path TEXT NOT NULL,
    number INTEGER NOT NULL,
    store TEXT,
    daemon TEXT,
    host TEXT,
    pid INTEGER,
    cores INTEGER,
    started_unix_nanos INTEGER,
    ended_unix_nanos INTEGER,
    outcome INTEGER,
    reason INTEGER,
    message TEXT,
    exit_code INTEGER,
    signal INTEGER,
    first_seq INTEGER,
    last_seq INTEGER,
    debug INTEGER,
    info INTEGER,
    warning INTEGER,
    error INTEGER,
    critical INTEGER,
    wall_nanos INTEGER,
    user_nanos INTEGER,
    system_nanos INTEGER,
    peak_memory_bytes INTEGER,
    peak_processes INTEGER,
    stdout_lines INTEGER,
    stderr_lines INTEGER,
    dropped_bytes INTEGER,
    longest_silence_nanos INTEGER,
    first_error BLOB,
    signature TEXT,
    artefacts BLOB,
    progress BLOB,
    log_files BLOB,
    PRIMARY KEY (path, number)
);
CREATE TABLE metrics (
    path TEXT NOT NULL,
    name TEXT NOT NULL,
    value REAL NOT NULL,
    kind INTEGER NOT NULL,
    unit TEXT NOT NULL,
    count INTEGER NOT NULL,
    min REAL NOT NULL,
    max REAL NOT NULL,
    sum REAL,
    exact_sum BLOB,
    exact_last BLOB,
    sketch BLOB,
    PRIMARY KEY (path, name)
);
CREATE TABLE positions (
    store TEXT NOT NULL PRIMARY KEY,
    seq INTEGER NOT NULL
);
PRAGMA user_version = 1;

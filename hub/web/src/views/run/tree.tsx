import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { useLocation, useSearch } from "wouter-preact";
import { errorText, isLost, queries } from "../../api/client";
import { NodeKind, Outcome } from "../../gen/gator/v1/common_pb";
import type { Run } from "../../gen/gator/v1/query_pb";
import { Scope } from "../../gen/gator/v1/query_service_pb";
import { jobHref, runOption } from "../../paths";
import { isFailure, nodeStatus } from "../../states";
import { Command, Problem } from "../../ui/parts";
import { Windowed, type WindowHandle } from "../../windows/windowed";
import { NodeRow } from "./tree-row";
import { parentOf, readAgain, Refresher } from "./tree-refresh";
import { type Level, type Row, rowsOf } from "./tree-model";

const PAGE = 1000;
const ROW_PX = 32;
const MAX_HEIGHT_ROWS = 24;
const REFRESH_MS = 2000;
const OUTCOMES: Record<string, Outcome[]> = {
  failed: [Outcome.FAILED, Outcome.LOST],
  passed: [Outcome.PASSED],
  pruned: [Outcome.PRUNED],
  cancelled: [Outcome.CANCELLED],
};

interface Props {
  run: Run;
  version: string;
  isLive: boolean;
}

/** The tree of a run, level by level; with a filter the matching nodes as a list. */
export function Tree({ run, version, isLive }: Props) {
  const given = new URLSearchParams(useSearch());
  const [, navigate] = useLocation();
  const glob = given.get("path") ?? "";
  const outcome = given.get("outcome") ?? "";
  const isFlat = glob !== "" || outcome !== "";
  const set = (name: string, text: string) => {
    if (text) given.set(name, text);
    else given.delete(name);
    navigate(`${location.pathname}${given.size ? `?${given}` : ""}`, { replace: true });
  };
  // The command takes no patterns of paths.
  const command = glob ? "" : `gator tree${outcome && ` --outcome ${outcome}`} ${runOption(run.id)}`;
  return (
    <section class="section tree" aria-label="Tree">
      <div class="section-head">
        <h2>Jobs</h2>
      </div>
      <form class="filters" role="search" onSubmit={(event) => event.preventDefault()}>
        <label>
          <span>Path</span>
          <input
            type="search"
            placeholder="nightly/**/run[*]"
            value={glob}
            data-first
            spellcheck={false}
            onChange={(event) => set("path", event.currentTarget.value.trim())}
          />
        </label>
        <label>
          <span>Outcome</span>
          <select value={outcome} onChange={(event) => set("outcome", event.currentTarget.value)}>
            <option value="">all</option>
            {Object.keys(OUTCOMES).map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
      </form>
      <Levels
        key={`${run.id} ${glob} ${outcome}`}
        run={run}
        version={version}
        isLive={isLive}
        isFlat={isFlat}
        globs={glob ? [glob] : []}
        outcomes={OUTCOMES[outcome] ?? []}
      />
      <Command line={command} />
    </section>
  );
}

interface LevelsProps extends Props {
  isFlat: boolean;
  globs: string[];
  outcomes: Outcome[];
}

function Levels({ run, version, isLive, isFlat, globs, outcomes }: LevelsProps) {
  const [levels, setLevels] = useState<ReadonlyMap<string, Level>>(new Map());
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set([run.ident]));
  const [cursor, setCursor] = useState(0);
  const [error, setError] = useState("");
  const reading = useRef(new Set<string>());
  const refresher = useRef<Refresher>();
  const [, navigate] = useLocation();
  const view = useRef<WindowHandle>(null);

  const list = useCallback(
    async (path: string, pageToken: string) => {
      // Nodes that are not declared yet are listed only with the node above them.
      const withWaiting = !isFlat && isLive && path !== "";
      const answer = await queries.listNodes({
        run: run.id,
        path,
        // The first level is the root of the run.
        scope: isFlat || withWaiting ? Scope.SUBTREE : path ? Scope.CHILDREN : Scope.NODE,
        levels: withWaiting ? 1 : 0,
        kinds: isFlat ? [NodeKind.JOB] : [],
        withWaiting,
        globs,
        outcomes,
        pageSize: PAGE,
        pageToken,
      });
      const nodes = withWaiting ? answer.nodes.filter((node) => node.path !== path) : answer.nodes;
      return { nodes, nextPageToken: answer.nextPageToken };
    },
    [run.id, isFlat, isLive, globs.join(), outcomes.join()],
  );

  const read = useCallback(
    async (path: string, level: Level | undefined) => {
      if (reading.current.has(path)) return;
      reading.current.add(path);
      try {
        const answer = await list(path, level?.next ?? "");
        const next = { nodes: [...(level?.nodes ?? []), ...answer.nodes], next: answer.nextPageToken };
        if (!level) refresher.current?.note(path);
        setLevels((before) => new Map(before).set(path, next));
        setError("");
      } catch (failure) {
        if (!isLost(failure)) setError(errorText(failure));
      } finally {
        reading.current.delete(path);
      }
    },
    [list],
  );

  const rows = useMemo(() => rowsOf("", levels, open), [levels, open]);
  refresher.current ??= new Refresher(isLive ? REFRESH_MS : 0);
  refresher.current.version = version;
  const latest = useRef({ levels, first: 0, count: 0, rows });
  latest.current = { ...latest.current, levels, rows };
  const readShown = useCallback(
    (first: number, shown: number) => {
      latest.current.first = first;
      latest.current.count = shown;
      for (const row of latest.current.rows.slice(first, first + shown))
        if (row.kind === "more") void read(row.path, latest.current.levels.get(row.path));
      refresher.current?.plan(async (isStale) => {
        const { rows: now, first: from, count: many } = latest.current;
        for (const path of new Set(now.slice(from, from + many).map(parentOf).filter(isStale))) {
          const nodes = latest.current.levels.get(path)?.nodes.length;
          if (nodes === undefined) continue;
          const level = await readAgain(list, path, nodes);
          refresher.current?.note(path);
          setLevels((before) => new Map(before).set(path, level));
        }
      });
    },
    [read, list],
  );
  useEffect(() => readShown(latest.current.first, latest.current.count || 1), [rows, readShown, version]);
  useEffect(() => () => refresher.current?.stop(), []);

  const toggle = (path: string) => {
    const changed = new Set(open);
    if (!changed.delete(path)) changed.add(path);
    setOpen(changed);
  };
  const enter = (row: Row | undefined) => {
    if (row?.kind !== "node") return;
    // What waits may not exist yet.
    if (nodeStatus(row.node) === "waiting") return;
    if (row.node.kind === NodeKind.JOB) navigate(jobHref(run.id, row.node.path));
    else toggle(row.node.path);
  };
  const move = (to: number) => {
    const index = Math.min(Math.max(0, to), rows.length - 1);
    setCursor(index);
    const { first, count: shown } = latest.current;
    if (index < first + 1) view.current?.show(index, 0);
    else if (index > first + shown - 3) view.current?.show(index, 1);
  };
  const onKey = (event: KeyboardEvent) => {
    const row = rows[cursor];
    const steps: Record<string, () => void> = {
      ArrowDown: () => move(cursor + 1),
      ArrowUp: () => move(cursor - 1),
      Enter: () => enter(row),
      ArrowRight: () => row?.kind === "node" && row.node.kind !== NodeKind.JOB && !row.isOpen && toggle(row.node.path),
      ArrowLeft: () => row?.kind === "node" && row.isOpen && toggle(row.node.path),
      f: () => {
        const next = rows.findIndex(
          (found, index) => index > cursor && found.kind === "node" && isFailure(nodeStatus(found.node)),
        );
        if (next >= 0) move(next);
      },
    };
    const step = steps[event.key];
    if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    step();
  };

  if (error && !rows.some((row) => row.kind === "node")) return <Problem text={error} />;
  if (levels.get("") && !rows.length) return <p class="none">No job matches.</p>;
  const height = Math.max(1, Math.min(rows.length, MAX_HEIGHT_ROWS)) * ROW_PX;
  return (
    <>
      <Problem text={error} />
      <div class="tree-rows panel" style={{ height: `${height}px` }}>
        <Windowed rows={rows.length} rowPx={ROW_PX} role="tree" label="Jobs" handle={view} onWindow={readShown} onKey={onKey}>
          {(index) => {
            const row = rows[index];
            if (row?.kind !== "node")
              return (
                <div key={index} class="tree-row more">
                  Loading …
                </div>
              );
            return (
              <NodeRow
                key={row.node.path}
                row={row}
                isFlat={isFlat}
                isCursor={index === cursor}
                onEnter={() => {
                  setCursor(index);
                  enter(row);
                }}
              />
            );
          }}
        </Windowed>
      </div>
    </>
  );
}

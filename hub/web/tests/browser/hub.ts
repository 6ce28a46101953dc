import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  export interface ProvidedContext {
    url: string;
    token: string;
    grpc: string;
    folder: string;
    runs: Record<string, string>;
  }
}

const PYTHON = process.env["GATOR_TEST_PYTHON"] ?? "python3";
const SPECS = join(import.meta.dirname, "specs");
/** Specs and the number of times that each is run. */
const RUNS: [string, number][] = [
  ["nightly", 2],
  ["wide", 1],
  ["long", 1],
];

/** A hub of the tests as a process, in a folder that is removed at the end. */
export class Hub {
  private process: ChildProcess | undefined;
  greeting = "";
  readonly folder: string;
  private readonly port: string;
  private readonly webPort: string;

  constructor(folder: string, port = "0", webPort = "0") {
    this.folder = folder;
    this.port = port;
    this.webPort = webPort;
  }

  async start(): Promise<void> {
    const ports = ["--port", this.port, "--web-port", this.webPort];
    const hub = spawn(PYTHON, ["-m", "gator_hub", "serve", ...ports], { env: environ(this.folder), cwd: this.folder });
    this.process = hub;
    await new Promise<void>((resolve, reject) => {
      let errors = "";
      hub.stderr.on("data", (data) => (errors += data));
      hub.stdout.on("data", (data) => {
        this.greeting += data;
        if (this.greeting.includes("Ctrl-C")) resolve();
      });
      hub.on("exit", () => reject(new Error(`the hub ended: ${errors}`)));
    });
  }

  async stop(): Promise<void> {
    const hub = this.process;
    if (!hub || hub.exitCode !== null) return;
    const ended = new Promise((resolve) => hub.on("exit", resolve));
    hub.kill("SIGTERM");
    await ended;
  }

  get url(): string {
    return /web page +(\S+)\//.exec(this.greeting)?.[1] ?? "";
  }

  get grpc(): string {
    return /--hub (\S+)/.exec(this.greeting)?.[1] ?? "";
  }

  get token(): string {
    return readFileSync(join(this.folder, "data", "gator", "hub", "token"), "utf8").trim().split(":")[1] ?? "";
  }
}

export function environ(folder: string): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith("GATOR_"));
  return { ...Object.fromEntries(own), HOME: folder, XDG_DATA_HOME: join(folder, "data") };
}

export function temporary(): string {
  return mkdtempSync(join(tmpdir(), "gator-page-"));
}

/** Starts a run of a spec that sends its events to a hub. */
export function startRun(folder: string, grpc: string, spec: string): ChildProcess {
  return spawn(PYTHON, runArguments(grpc, spec), { env: environ(folder), cwd: folder, stdio: "ignore" });
}

/** Runs a command of Gator; returns what it prints. */
export function command(folder: string, ...words: string[]): string {
  const done = spawnSync(PYTHON, ["-m", "gator", ...words], { env: environ(folder), cwd: folder, encoding: "utf8" });
  if (done.status !== 0) throw new Error(done.stderr);
  return done.stdout;
}

function runArguments(grpc: string, spec: string): string[] {
  return ["-m", "gator", "run", join(SPECS, `${spec}.yaml`), "--hub", grpc, "--hub-wait", "120s", "--quiet"];
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const hub = new Hub(temporary());
  await hub.start();
  const runs: Record<string, string> = {};
  for (const [spec, times] of RUNS)
    for (let time = 0; time < times; time += 1) {
      const done = spawnSync(PYTHON, runArguments(hub.grpc, spec), {
        env: environ(hub.folder),
        cwd: hub.folder,
        encoding: "utf8",
      });
      if (done.status !== 0 && done.status !== 1) throw new Error(`${spec}: ${done.stderr}`);
      runs[spec] = await newest(hub);
    }
  project.provide("url", hub.url);
  project.provide("token", hub.token);
  project.provide("grpc", hub.grpc);
  project.provide("folder", hub.folder);
  project.provide("runs", runs);
  return async () => {
    await hub.stop();
    rmSync(hub.folder, { recursive: true, force: true });
  };
}

/** Returns the id of the newest run of a hub. */
export async function newest(hub: { url: string; token: string }): Promise<string> {
  const response = await fetch(`${hub.url}/gator.v1.HubService/ListRuns`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${hub.token}` },
    body: '{"pageSize": 1}',
  });
  return ((await response.json()) as { runs?: { id: string }[] }).runs?.[0]?.id ?? "";
}

import { execFileSync, spawn, type ChildProcess, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { environ, Hub } from "../tests/browser/hub";

const PYTHON = process.env["GATOR_TEST_PYTHON"] ?? "python3";
const HERE = import.meta.dirname;
/** Files of the project that the runs test. The pictures show commands, so these name no folder of this machine. */
const FILES = ["nightly.yaml", "smoke.yaml", "sim.sh", "soak.py"];

/** Which tests fail in each of the runs: the name of a suite, a fault and the numbers of tests. */
const NIGHTS = [
  "ddr refresh 4\n",
  "",
  "pcie flaky 3\n",
  "axi timeout 2 5 9\n",
  "axi timeout 2 5 9 11\nddr refresh 4 7\npcie flaky 3 6\n",
  "axi timeout 2 5 9 11 14\nddr refresh 4\npcie crash 8\n",
];

/** A hub with runs that a reader of a screenshot recognises. Its folder is filled once. */
export class Demo {
  readonly hub: Hub;
  readonly folder: string;
  private live: ChildProcess | undefined;

  constructor(folder: string) {
    this.folder = folder;
    this.hub = new Hub(folder);
  }

  async start(): Promise<void> {
    mkdirSync(this.folder, { recursive: true });
    const isNew = !existsSync(join(this.folder, "data"));
    await this.hub.start();
    if (isNew) this.fill();
    this.setNight("axi timeout 2 5\n", true);
    this.live = spawn(PYTHON, this.run("nightly"), { env: environ(this.folder), cwd: this.folder, stdio: "ignore" });
  }

  async stop(): Promise<void> {
    const { live } = this;
    if (live && live.exitCode === null) {
      const ended = new Promise((resolve) => live.on("exit", resolve));
      live.kill("SIGTERM");
      await ended;
    }
    await this.hub.stop();
  }

  private fill(): void {
    this.git("init", "-q", "-b", "main");
    for (const file of FILES) copyFileSync(join(HERE, file), join(this.folder, file));
    writeFileSync(join(this.folder, ".gitignore"), "data\nfaults*\ntracking\n");
    for (const [index, night] of NIGHTS.entries()) {
      writeFileSync(join(this.folder, "rtl.sv"), `// revision ${index}\n`);
      this.git("add", ".");
      this.git("-c", "user.name=demo", "-c", "user.email=demo@example.com", "commit", "-qm", `Revision ${index}`);
      this.setNight(night, false);
      const done = spawnSync(PYTHON, this.run("nightly"), { env: environ(this.folder), cwd: this.folder, encoding: "utf8" });
      if (done.status !== 0 && done.status !== 1) throw new Error(done.stderr);
      if (index === 3) spawnSync(PYTHON, this.run("smoke"), { env: environ(this.folder), cwd: this.folder });
    }
  }

  private setNight(text: string, isSlow: boolean): void {
    writeFileSync(join(this.folder, "faults"), text);
    if (isSlow) writeFileSync(join(this.folder, "faults.slow"), "");
  }

  private run(spec: string): string[] {
    const labels = ["--label", "branch=main", "--label", "board=vcu118"];
    const where = ["--hub", this.hub.grpc, "--hub-wait", "60s", "--quiet"];
    return ["-m", "gator", "run", `${spec}.yaml`, ...where, ...labels];
  }

  private git(...words: string[]): void {
    execFileSync("git", words, { cwd: this.folder, env: environ(this.folder) });
  }
}

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { expect, inject, test } from "vitest";
import { open } from "./browser";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const run = () => inject("runs")["nightly"] ?? "";
const VIEWS: [string, () => string, string][] = [
  ["the sign-in", () => "/", "Gator hub"],
  ["the runs", () => "/", "Runs"],
  ["a run", () => `/run/${run()}`, "nightly"],
  ["a failed job", () => `/run/${run()}/job/nightly/sims/run[1]`, "run[1]"],
  ["a measured job", () => `/run/${run()}/job/nightly/measured`, "measured"],
  ["the trends", () => "/trend", "Trends"],
  ["a trend", () => "/trend/nightly", "nightly"],
  ["a comparison", () => `/compare/${run()}/${run()}`, "What changed"],
];

interface Violation {
  id: string;
  impact: string | null;
  nodes: { target: string[] }[];
}

for (const scheme of ["light", "dark"] as const)
  test.each(VIEWS)(`axe finds no serious problem in %s, ${scheme}`, async (name, path, heading) => {
    const { page, close } = await open(path(), { scheme, ...(name === "the sign-in" ? { token: "" } : {}) });
    await page.getByRole("heading", { level: 1, name: heading }).waitFor();
    await page.waitForLoadState("networkidle");
    // As in a debugger: the policy of the page allows no scripts of others.
    await page.evaluate(AXE);
    const violations = await page.evaluate(async () => {
      const { axe } = window as unknown as { axe: { run: () => Promise<{ violations: Violation[] }> } };
      return (await axe.run()).violations;
    });
    const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
    expect(serious.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(" ")).join(", ")}`)).toEqual([]);
    await close();
  });

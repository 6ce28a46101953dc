import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { chromium, type Browser } from "playwright-core";
import { test } from "vitest";
import { NodeKind, Outcome } from "../src/gen/gator/v1/common_pb";
import { HubService } from "../src/gen/gator/v1/hub_service_pb";
import { QueryService, Scope } from "../src/gen/gator/v1/query_service_pb";
import { Demo } from "./demo";

/** Folder of the pictures, and of those of the documentation. */
const OUT = process.env["GATOR_SCREENSHOTS"] ?? join(import.meta.dirname, "out");
const DOCS = join(import.meta.dirname, "..", "..", "..", "docs", "images");
const DOCUMENTED = new Map([
  ["run-light-laptop", "run"],
  ["job-light-laptop", "job"],
  ["runs-dark-laptop", "runs"],
]);
const SIZES = { laptop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } };
const QUALITY = 82;
/** Time for charts and for what a view reads after its first answer. */
const SETTLE_MS = 2500;

/** Writes a picture of each view: light and dark, on a laptop and on a phone. Look at them. */
test("screenshots", async () => {
  const folder = mkdtempSync(join(tmpdir(), "chip-"));
  const demo = new Demo(folder);
  const browser = await chromium.launch({ executablePath: process.env["GATOR_TEST_CHROMIUM"] ?? "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
  mkdirSync(OUT, { recursive: true });
  mkdirSync(DOCS, { recursive: true });
  try {
    await demo.start();
    for (const [name, path] of Object.entries(await views(demo)))
      for (const scheme of ["light", "dark"] as const)
        for (const [device, size] of Object.entries(SIZES)) await take(browser, demo, `${name}-${scheme}-${device}`, path, scheme, size);
  } finally {
    await browser.close();
    await demo.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}, 900_000);

async function views(demo: Demo): Promise<Record<string, string>> {
  const transport = createConnectTransport({
    baseUrl: demo.hub.url,
    interceptors: [
      (next) => (request) => {
        request.header.set("authorization", `Bearer ${demo.hub.token}`);
        return next(request);
      },
    ],
  });
  const { runs } = await createClient(HubService, transport).listRuns({ ident: "nightly", outcomes: [Outcome.FAILED] });
  const [ended, before] = runs;
  const { nodes } = await createClient(QueryService, transport).listNodes({
    run: ended?.id ?? "",
    scope: Scope.SUBTREE,
    kinds: [NodeKind.JOB],
    outcomes: [Outcome.FAILED],
  });
  const run = `/run/${ended?.id}`;
  return {
    runs: "/",
    run,
    job: `${run}/job/${nodes[0]?.path}`,
    soak: `${run}/job/nightly/soak`,
    trend: "/trend/nightly",
    compare: `/compare/${before?.id}/${ended?.id}`,
    "no-match": "/?name=none",
    missing: "/run/0123",
  };
}

async function take(
  browser: Browser,
  demo: Demo,
  name: string,
  path: string,
  scheme: "light" | "dark",
  viewport: { width: number; height: number },
): Promise<void> {
  const context = await browser.newContext({ viewport, colorScheme: scheme });
  await context.addInitScript((token) => localStorage.setItem("gator-hub-token", token), demo.hub.token);
  const page = await context.newPage();
  await page.goto(demo.hub.url + path);
  await page.locator("main h1, main h2, main [role=alert]").first().waitFor();
  await page.waitForTimeout(SETTLE_MS);
  const session = await context.newCDPSession(page);
  const { data } = await session.send("Page.captureScreenshot", { format: "webp", quality: QUALITY });
  const documented = DOCUMENTED.get(name);
  if (documented) writeFileSync(join(DOCS, `${documented}.webp`), Buffer.from(data, "base64"));
  writeFileSync(join(OUT, `${name}.png`), await page.screenshot({ fullPage: true }));
  await context.close();
}

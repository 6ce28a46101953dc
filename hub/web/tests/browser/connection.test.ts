import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { lines, open, shown } from "./browser";
import { command, Hub, startRun, temporary } from "./hub";

test("an empty hub explains the next step, and a lost connection is shown and recovers", async () => {
  const folder = temporary();
  const first = new Hub(folder);
  await first.start();
  const [port, webPort] = [first.grpc.split(":")[1] ?? "", new URL(first.url).port];
  const { page, close } = await open("/", { url: first.url, token: first.token, expected: /ERR_|503/ });
  try {
    await page.getByText("This hub has no runs yet").waitFor();
    expect(await page.locator(".empty").textContent()).toContain(`gator run SPEC --hub localhost:${port}`);
    await first.stop();
    await page.getByText("The hub does not answer").waitFor();
    const second = new Hub(folder, port, webPort);
    await second.start();
    await page.getByText("The hub does not answer").waitFor({ state: "detached" });
    await close();
    await second.stop();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  expect(first.greeting).toContain("web page");
});

test("a live job opens at its end and follows it, and a reader above it keeps the place", async () => {
  const folder = temporary();
  const hub = new Hub(folder);
  await hub.start();
  const live = startRun(folder, hub.grpc, "live");
  const ended = new Promise((resolve) => live.on("exit", resolve));
  const { page, close } = await open("/", { url: hub.url, token: hub.token, expected: /ERR_|503/ });
  const numbers = async () => Object.keys(await lines(page)).map((name) => Number(name.split(":")[1]));
  const last = async () => Math.max(0, ...(await numbers()));
  try {
    await page.getByRole("link", { name: "live", exact: true }).click({ timeout: 25_000 });
    await page.getByRole("treeitem").first().click();
    await expect.poll(last, { timeout: 25_000 }).toBeGreaterThan(120);
    for (let growth = 0; growth < 5; growth += 1) {
      const before = await last();
      await expect.poll(last, { timeout: 25_000 }).toBeGreaterThan(before);
    }
    expect(Math.min(...(await numbers()))).toBeGreaterThan(1);
    await page.getByRole("button", { name: "Top", exact: true }).click();
    await shown(page, "out:1").toBe("tick 1");
    const total = page.locator(".streams .of").first();
    const count = await total.textContent();
    await expect.poll(() => total.textContent(), { timeout: 25_000 }).not.toBe(count);
    expect(await lines(page)).toHaveProperty("out:1");
    await close();
  } finally {
    live.kill("SIGTERM");
    await ended;
    await hub.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}, 120_000);

test("the tree of a live run shows what waits and why, and changes with the run", async () => {
  const folder = temporary();
  const hub = new Hub(folder);
  await hub.start();
  const run = startRun(folder, hub.grpc, "waiting");
  const ended = new Promise((resolve) => run.on("exit", resolve));
  const { page, close } = await open("/", { url: hub.url, token: hub.token });
  try {
    await page.getByRole("link", { name: "waiting", exact: true }).click({ timeout: 25_000 });
    const second = page.getByRole("treeitem").filter({ hasText: "second" });
    await expect.poll(() => second.textContent(), { timeout: 25_000 }).toContain("waits for dependency");
    writeFileSync(join(folder, "go"), "");
    await expect.poll(() => second.locator(".mark").getAttribute("title"), { timeout: 25_000 }).toBe("passed");
    await page.getByRole("heading", { level: 1, name: "passed waiting" }).waitFor();
    await close();
  } finally {
    run.kill("SIGTERM");
    await ended;
    await hub.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}, 120_000);

test("a run is stopped after a confirmation", async () => {
  const folder = temporary();
  const hub = new Hub(folder);
  await hub.start();
  const live = startRun(folder, hub.grpc, "live");
  const ended = new Promise((resolve) => live.on("exit", resolve));
  const { page, close } = await open("/", { url: hub.url, token: hub.token });
  try {
    await page.getByRole("link", { name: "live", exact: true }).click({ timeout: 25_000 });
    await page.getByRole("button", { name: "Stop" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("Stop the run live?").waitFor();
    await dialog.getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("button", { name: "Stop" }).click();
    await dialog.getByRole("button", { name: "Stop" }).click();
    await ended;
    await page.getByRole("heading", { level: 1, name: "cancelled live" }).waitFor({ timeout: 25_000 });
    await close();
  } finally {
    live.kill("SIGTERM");
    await ended;
    await hub.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}, 120_000);

test("a link of `gator hub open` signs in once, without a token in the browser", async () => {
  const folder = temporary();
  const hub = new Hub(folder);
  await hub.start();
  const link = command(folder, "hub", "open", "/trend", "--print", "--hub", hub.grpc).trim();
  const { page, close } = await open(link.slice(hub.url.length), { url: hub.url, token: "", expected: /403/ });
  try {
    await page.getByText("This hub has no runs yet").waitFor();
    expect(new URL(page.url()).hash).toBe("");
    expect(await page.evaluate(() => [localStorage.length, sessionStorage.getItem("gator-hub-token"), document.cookie])).toEqual([0, null, ""]);
    await page.reload();
    await page.getByText("This hub has no runs yet").waitFor();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.goto(link);
    await page.getByRole("alert").getByText("The link was used before").waitFor();
    await close();
  } finally {
    await hub.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});

import { expect, inject, test } from "vitest";
import { lines, open, shown } from "./browser";

const job = (spec: string, path: string) => `/run/${inject("runs")[spec]}/job/${path}`;
const LAST = 15_000_000;

test("a failed job opens at its first error", async () => {
  const { page, close } = await open(job("nightly", "nightly/sims/run[1]"));
  await shown(page, "err:301").toContain("UVM_FATAL");
  expect(await page.locator(".line.marked .number").textContent()).toBe("err:301");
  expect(await lines(page)).not.toHaveProperty("err:1");
  await close();
});

test("a passed job opens at its first line, and shows colours", async () => {
  const { page, close } = await open(job("nightly", "nightly/build"));
  await shown(page, "out:1").toBe("compiling 1");
  expect(await page.locator(".ansi-green").textContent()).toBe("done");
  await close();
});

test("a link to lines survives a reload, and Shift extends it", async () => {
  const { page, close } = await open(`${job("nightly", "nightly/sims/run[0]")}#out:200-203`);
  await shown(page, "out:200").toBe("cycle 200 of 0");
  expect(await page.locator(".line.marked").count()).toBe(4);
  await page.getByRole("link", { name: "out:205", exact: true }).click();
  await page.getByRole("link", { name: "out:207", exact: true }).click({ modifiers: ["Shift"] });
  expect(new URL(page.url()).hash).toBe("#out:205-207");
  await page.reload();
  await shown(page, "out:207").toBe("cycle 207 of 0");
  expect(await page.locator(".line.marked").count()).toBe(3);
  await page.getByRole("button", { name: "Copy lines" }).click();
  await page.getByText("Copied").waitFor();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(
    "cycle 205 of 0\ncycle 206 of 0\ncycle 207 of 0",
  );
  await close();
});

test("a bar of progress is one line with its last state", async () => {
  const { page, close } = await open(`${job("nightly", "nightly/sims/run[0]")}#out:401`);
  await shown(page, "out:401").toBe("progress 100%");
  await close();
});

test("all lines are searched on the server, and Ctrl-F and n lead through the hits", async () => {
  const { page, close } = await open(job("nightly", "nightly/sims/run[0]"), { expected: /400/ });
  await shown(page, "out:1").toBe("cycle 1 of 0");
  await page.keyboard.press("Control+f");
  await page.keyboard.type("cycle [0-9]+7 of");
  await page.keyboard.press("Enter");
  await page.getByText("39 lines").waitFor();
  await page.keyboard.press("Enter");
  await shown(page, "out:17").toBe("cycle 17 of 0");
  await page.locator(".lines").focus();
  for (let step = 0; step < 30; step += 1) await page.keyboard.press("n");
  await shown(page, "out:317").toBe("cycle 317 of 0");
  await page.getByLabel("Search all lines").fill("cycle (");
  await page.getByLabel("Search all lines").press("Enter");
  await page.getByRole("alert").waitFor();
  await close();
});

test("lines are filtered by severity on the server", async () => {
  const { page, close } = await open(job("nightly", "nightly/sims/run[1]"));
  await page.getByLabel("Severity").selectOption("errors and worse");
  await expect.poll(() => page.locator(".hits li").first().textContent()).toContain("UVM_FATAL");
  await close();
});

test("a copy for a ticket has command, seed and the lines around the first error", async () => {
  const { page, close } = await open(job("nightly", "nightly/sims/run[1]"));
  await page.getByRole("button", { name: "Copy for a ticket" }).click();
  await page.getByText("Copied").waitFor();
  const text = await page.evaluate(() => navigator.clipboard.readText());
  expect(text).toContain("### nightly/sims/run[1]");
  expect(text).toMatch(/\* seed: \d+/);
  expect(text).toContain("err:291  trace 291");
  expect(text).toContain("err:311  after 10");
  await close();
});

test("no mark-up in output is interpreted", async () => {
  const { page, close } = await open(job("nightly", "nightly/hostile"));
  await shown(page, "out:1").toBe('<script>document.title="owned"</script>');
  const found = await lines(page);
  expect(found["out:2"]).toBe("[x](javascript:alert(1)) <img src=x onerror=alert(1)>");
  expect(found["out:3"]).toBe("link");
  expect(found["out:4"]).toBe("user\\u202enimda");
  expect(found["out:5"]).toMatch(/^x{5000} … [\d,]+ more characters$/);
  expect(await page.title()).not.toBe("owned");
  expect(await page.locator(".lines img, .lines script, .lines .text a").count()).toBe(0);
  await close();
});

test("Home and End do not depend on how the browser scrolls", async () => {
  const { page, close } = await open(job("long", "long"));
  await shown(page, "out:1").toBe("1");
  const log = page.locator(".lines");
  // The browser itself scrolls for the keys of a person only.
  await log.dispatchEvent("keydown", { key: "End", bubbles: true, cancelable: true });
  await shown(page, `out:${LAST}`).toBe(`${LAST}`);
  await log.dispatchEvent("keydown", { key: "Home", bubbles: true, cancelable: true });
  await shown(page, "out:1").toBe("1");
  await close();
});

test("line 15,000,000 is reached by the URL and by the End key", async () => {
  const { page, close } = await open(`${job("long", "long")}#out:${LAST}`);
  await shown(page, `out:${LAST}`).toBe(`${LAST}`);
  const log = page.locator(".lines");
  await log.focus();
  await page.keyboard.press("Home");
  await shown(page, "out:1").toBe("1");
  await page.keyboard.press("End");
  await shown(page, `out:${LAST}`).toBe(`${LAST}`);
  await page.goto(`${inject("url")}${job("long", "long")}#out:7654321`);
  await shown(page, "out:7654321").toBe("7654321");
  expect(await log.evaluate((element) => element.scrollHeight)).toBeLessThanOrEqual(8_000_000);
  expect(await page.locator(".line").count()).toBeLessThan(80);
  await close();
});

import { readFileSync } from "node:fs";
import type { Page } from "playwright-core";
import { expect, inject, test } from "vitest";
import { lines, open, shown } from "./browser";

const job = (path: string) => `/run/${inject("runs")["nightly"]}/job/nightly/${path}`;

async function saved(page: Page, press: () => Promise<void>): Promise<{ name: string; text: string }> {
  const waiting = page.waitForEvent("download");
  await press();
  const file = await waiting;
  return { name: file.suggestedFilename(), text: readFileSync(await file.path(), "utf8") };
}

test("streams are merged in the order of reading, or apart", async () => {
  const { page, close } = await open(job("alternating"));
  await shown(page, "out:1").toBe("first");
  expect(await lines(page)).not.toHaveProperty("err:1");
  await page.getByRole("button", { name: "merged" }).click();
  await shown(page, "err:1").toBe("second");
  expect(Object.values(await lines(page))).toEqual(["first", "second", "third", "fourth"]);
  await page.reload();
  await shown(page, "err:2").toBe("fourth");
  await page.getByRole("button", { name: /^stderr/ }).click();
  await expect.poll(async () => Object.keys(await lines(page))).toEqual(["err:1", "err:2"]);
  await close();
});

test("times are shown in three forms, and silence is marked", async () => {
  const { page, close } = await open(job("silent"));
  await shown(page, "out:2").toBe("after");
  expect(await page.locator(".silence").textContent()).toMatch(/^5\.\d+ s of silence$/);
  const times = page.locator(".line .time");
  expect(await times.count()).toBe(0);
  await page.keyboard.press("t");
  expect(await times.first().textContent()).toMatch(/^\d\d:\d\d:\d\d\.\d{3}$/);
  await page.keyboard.press("t");
  expect(await times.nth(1).textContent()).toMatch(/^5\.\d+ s$/);
  await page.getByLabel("Times").selectOption("since the line before");
  expect(await times.nth(1).textContent()).toMatch(/^\+5\.\d+ s$/);
  await close();
});

test("long lines are wrapped or not, and the last line is reached either way", async () => {
  const { page, close } = await open(job("wide-lines"));
  await shown(page, "out:1").toMatch(/^1 y+$/);
  const height = async () => (await page.locator(".line").first().boundingBox())?.height ?? 0;
  expect(await height()).toBe(20);
  await page.keyboard.press("w");
  await expect.poll(height).toBeGreaterThan(40);
  await page.getByRole("button", { name: "End" }).click();
  await shown(page, "out:200").toMatch(/^200 y+$/);
  const last = page.locator(".line").filter({ hasText: "out:200" });
  await expect
    .poll(async () => {
      const [line, log] = await Promise.all([last.boundingBox(), page.locator(".lines").boundingBox()]);
      return line && log ? line.y + line.height - log.y - log.height : NaN;
    })
    .toBeLessThanOrEqual(1);
  await close();
});

test("f goes from error to error, / to the search, and ? shows the keys", async () => {
  const { page, close } = await open(job("errors"));
  await shown(page, "out:1").toBe("line 1");
  const marked = () => page.locator(".line.marked .number").textContent();
  await page.keyboard.press("f");
  await expect.poll(marked).toBe("out:101");
  await page.keyboard.press("f");
  await expect.poll(marked).toBe("out:202");
  await page.keyboard.press("/");
  expect(await page.evaluate(() => document.activeElement?.getAttribute("aria-label"))).toBe("Search all lines");
  await page.locator(".lines").focus();
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Keys" }).getByText("next failure").waitFor();
  await page.keyboard.press("Escape");
  await close();
});

test("a ruler at the side shows the errors, and leads to them", async () => {
  const { page, close } = await open(job("errors"));
  await shown(page, "out:1").toBe("line 1");
  const ruler = page.getByRole("img", { name: "2 errors, 0 warnings" });
  const box = await ruler.boundingBox();
  await ruler.click({ position: { x: 4, y: (box?.height ?? 0) - 2 } });
  await shown(page, "out:300").toBe("line 298");
  await close();
});

test("a whole stream is downloaded byte for byte", async () => {
  const { page, close } = await open(job("errors"));
  await shown(page, "out:1").toBe("line 1");
  const file = await saved(page, () => page.getByRole("button", { name: "Download" }).click());
  expect(file.name).toBe("nightly_errors.out.log");
  expect(file.text.split("\n").length).toBe(303);
  expect(file.text).toContain("error: the value is wrong");
  await close();
});

test("a job has its metrics, artefacts, environment, command to run it again, and earlier runs", async () => {
  const { page, close } = await open(job("measured"));
  const metrics = page.getByRole("region", { name: "Metrics" });
  expect(await metrics.getByRole("row").nth(1).textContent()).toContain("cycles1,200");
  const table = await saved(page, () => metrics.getByRole("button", { name: "CSV" }).click());
  expect(table.text.split("\r\n")[0]).toBe("name,value,unit,kind,count,min,max");
  const artefacts = page.getByRole("region", { name: "Artefacts" });
  const file = await saved(page, () => artefacts.getByRole("button", { name: "Download" }).click());
  expect(file).toEqual({ name: "report.txt", text: "all good\n" });
  const details = page.getByRole("region", { name: "Details" });
  expect(await details.textContent()).toContain("FLAVOUR");
  await details.getByText("Spec with all inherited keys").click();
  expect(await details.locator("pre").textContent()).toContain('"shell"');
  expect(await page.locator("header .wide code").textContent()).toMatch(/gator run --only \/nightly\/measured .*--seed 7/);
  const earlier = page.getByRole("region", { name: "Earlier runs" });
  await expect.poll(() => earlier.locator("a[aria-current]").count()).toBe(1);
  expect(await earlier.textContent()).toContain("passed in 2 of 2");
  await close();
});

test("curves of cores and memory have the requested limits", async () => {
  const { page, close } = await open(job("silent"));
  const usage = page.getByRole("region", { name: "Usage of resources" });
  await usage.locator("canvas").nth(1).waitFor({ timeout: 25_000 });
  expect(await usage.locator("h3").first().textContent()).toMatch(/^Cores at most [\d.]+ of 1 requested$/);
  expect(await usage.locator("h3").nth(1).textContent()).toMatch(/^Memory at most .* of 95 MiB requested$/);
  await close();
});

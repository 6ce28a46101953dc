import { expect, inject, test } from "vitest";
import { open } from "./browser";

const run = () => inject("runs")["nightly"] ?? "";

test("a trend shows the runs, curves, causes with their sightings, and jobs that fail or are slow", async () => {
  const { page, close } = await open("/trend");
  await page.getByRole("link", { name: "nightly", exact: true }).click();
  await page.getByRole("heading", { level: 1, name: "nightly" }).waitFor();
  await expect.poll(() => page.locator(".strip a").count()).toBe(2);
  await expect.poll(() => page.locator(".curve canvas").count()).toBe(3);
  const causes = page.getByRole("region", { name: "Causes" });
  await expect.poll(() => causes.locator(".group").count()).toBeGreaterThan(0);
  expect(await causes.textContent()).toContain("2 runs: first");
  const failed = page.getByRole("region", { name: "Jobs that failed most often" });
  await failed.getByRole("link", { name: "sims/run[1]" }).click();
  await page.getByRole("heading", { level: 1, name: "run[1]" }).waitFor();
  expect(await page.getByText("0 of 2").textContent()).toContain("0 %");
  expect(await page.locator("article > .command code").textContent()).toContain("gator trend 'nightly/sims/run[1]'");
  await close();
});

test("two runs are compared, and only what differs is shown", async () => {
  const { page, close } = await open("/trend/nightly");
  const boxes = page.getByRole("checkbox");
  await boxes.nth(1).check();
  await boxes.nth(0).check();
  await page.getByRole("button", { name: "Compare the chosen runs" }).click();
  await page.getByRole("heading", { level: 1, name: "What changed" }).waitFor();
  expect(new URL(page.url()).pathname.split("/")[3]).toBe(run());
  await page.getByRole("link", { name: /^still failing/ }).click();
  await expect.poll(() => page.locator("tbody tr").count()).toBeGreaterThan(2);
  expect(await page.locator("tbody tr").first().textContent()).toContain("still failing");
  await close();
});

test("a note is written at a cause, and shown with its author", async () => {
  const { page, close } = await open(`/run/${run()}`);
  const group = page.locator(".group").first();
  await group.getByRole("button", { name: "Add a note" }).click();
  await group.getByLabel("Note", { exact: true }).fill("only on board 7");
  await group.getByRole("button", { name: "Add", exact: true }).click();
  await expect.poll(() => group.locator(".note").textContent()).toMatch(/: only on board 7$/);
  await group.getByRole("button", { name: "Add a note" }).click();
  await group.getByLabel("Kind").selectOption("ticket");
  await group.getByLabel("Ticket", { exact: true }).fill("HW-12");
  await group.getByRole("button", { name: "Add", exact: true }).click();
  await expect.poll(() => group.locator(".group-head .chip").allTextContents()).toContain("HW-12");
  await close();
});

test("a grid shows in which runs the jobs of a cause changed", async () => {
  const { page, close } = await open(`/run/${run()}`);
  const group = page.locator(".group").first();
  await group.getByRole("button", { name: "Changes over the runs" }).click();
  await expect.poll(() => group.locator(".grid tbody tr").count()).toBe(3);
  expect(await group.locator(".grid tbody td").first().textContent()).toContain("failed with this cause");
  expect(await group.locator(".grid tbody tr").first().locator("td").last().getAttribute("class")).toBe("same");
  await close();
});

test("a timeline shows when the jobs ran, leads to them, and is saved as a trace", async () => {
  const { page, close } = await open(`/run/${run()}`);
  const timeline = page.getByRole("region", { name: "Timeline" });
  await page.getByRole("tree").scrollIntoViewIfNeeded();
  await page.mouse.wheel(0, 5000);
  const canvas = timeline.getByRole("img");
  await canvas.waitFor();
  expect(await canvas.getAttribute("aria-label")).toMatch(/^19 jobs on \d+ slots over /);
  const waiting = page.waitForEvent("download");
  await timeline.getByRole("button", { name: "Trace for Perfetto" }).click();
  expect((await waiting).suggestedFilename()).toMatch(/^nightly-.*\.trace\.json$/);
  await timeline.getByTitle("Zoom in").click();
  await timeline.getByRole("button", { name: "Whole run" }).click();
  await close();
});

test("columns of the runs are chosen, remembered and sorted on the hub", async () => {
  const { page, close } = await open("/");
  await page.getByRole("columnheader", { name: "Duration" }).getByRole("button").click();
  expect(new URL(page.url()).search).toBe("?sort=duration");
  const column = page.getByRole("columnheader", { name: "Commit" });
  expect(await column.count()).toBe(0);
  await page.getByText("Columns").click();
  await page.getByRole("checkbox", { name: "Commit" }).check();
  await column.waitFor();
  await page.reload();
  await column.waitFor();
  await expect.poll(() => page.locator(".sparkline").count()).toBe(2);
  await close();
});

import { expect, inject, test } from "vitest";
import { open } from "./browser";

const run = (spec: string) => `/run/${inject("runs")[spec]}`;

test("a wrong token is refused, and a right one shows the runs", async () => {
  const { page, close } = await open("/", { token: "", expected: /401/ });
  const field = page.getByLabel("Token", { exact: true });
  await field.fill("wrong-token-0123456789");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("alert").getByText("the hub rejects the token").waitFor();
  await field.fill(inject("token"));
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("row").nth(1).waitFor();
  expect(await page.evaluate(() => localStorage.getItem("gator-hub-token"))).toBeNull();
  await page.getByRole("button", { name: "Sign out" }).click();
  await field.waitFor();
  await close();
});

test("the runs have their state, jobs and causes, and the filter is in the URL", async () => {
  const { page, close } = await open("/");
  const rows = page.locator("tbody tr");
  await rows.nth(3).waitFor();
  expect(await rows.count()).toBe(4);
  // Of the two runs of one series, the causes of the first are new.
  await expect.poll(() => rows.nth(3).locator(".chip.new").textContent()).toBe("1 new");
  await expect.poll(() => rows.nth(2).locator(".causes").textContent()).toMatch(/^ *1 cause$/);
  await page.getByRole("search").getByLabel("State").selectOption("passed");
  await expect.poll(() => rows.count()).toBe(1);
  expect(await rows.first().textContent()).toContain("long");
  expect(new URL(page.url()).search).toBe("?state=passed");
  expect(await page.locator(".command code").textContent()).toContain("gator runs -r hub: --outcome passed --hub");
  await page.getByLabel("Ident or id").fill("nothing");
  await page.getByText("No run matches").waitFor();
  await page.getByRole("button", { name: "Show all runs" }).click();
  await expect.poll(() => rows.count()).toBe(4);
  await close();
});

test("arrows move between the runs, and Enter opens one", async () => {
  const { page, close } = await open("/");
  await page.locator("a.row-link").nth(1).waitFor();
  await page.locator("a.row-link").first().focus();
  await page.keyboard.press("ArrowDown");
  const ident = await page.locator("a.row-link:focus").textContent();
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: ident ?? "" }).waitFor();
  expect(page.url()).toContain("/run/");
  await close();
});

test("the failures of a run come first, by cause, with their age and their jobs", async () => {
  const { page, close } = await open(run("nightly"));
  const group = page.locator(".group");
  await group.first().waitFor();
  expect(await page.getByRole("heading", { name: "3 failures" }).textContent()).toContain("1 cause");
  expect(await group.first().textContent()).toMatch(/^3×since [0-9a-f]{8} · 2 runs/);
  expect(await group.first().locator(".first-error").textContent()).toBe(
    "err:301UVM_FATAL @ 1200: uvm_test_top.env.drv [DRV] no response",
  );
  await group.first().getByRole("button", { name: "All 3 jobs" }).click();
  await expect.poll(() => group.first().locator(".cause-jobs li").count()).toBe(3);
  expect(await page.title()).toBe("nightly · Gator");
  expect(await page.locator("link[rel=icon]").getAttribute("href")).toBe("/icons/failed.svg");
  await close();
});

test("the tree opens level by level, by keys, and leads to a job", async () => {
  const { page, close } = await open(run("nightly"));
  const tree = page.getByRole("tree");
  await tree.getByText("sims").waitFor();
  expect(await tree.getByRole("treeitem").count()).toBe(9);
  await tree.focus();
  for (const key of ["ArrowDown", "ArrowDown", "ArrowRight"]) await page.keyboard.press(key);
  await tree.getByText("run[1]").waitFor();
  await page.keyboard.press("f");
  expect(await tree.locator(".cursor .name").textContent()).toBe("run[1]");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "run[1]" }).waitFor();
  await close();
});

test("the tree is filtered by outcome and path on the server", async () => {
  const { page, close } = await open(`${run("nightly")}?outcome=failed`);
  const items = page.getByRole("treeitem");
  await expect.poll(() => items.count()).toBe(3);
  await page.getByLabel("Path").fill("nightly/**/run[5]");
  await page.getByLabel("Path").press("Enter");
  await expect.poll(() => items.count()).toBe(1);
  expect(new URL(page.url()).searchParams.get("path")).toBe("nightly/**/run[5]");
  await page.reload();
  await expect.poll(() => items.first().textContent()).toContain("nightly/sims/run[5]");
  await close();
});

test("a level of very many nodes has few elements, and its end is reached", async () => {
  const { page, close } = await open(run("wide"));
  await page.getByRole("tree").getByText("many").click();
  const tree = page.getByRole("tree");
  await tree.getByText("node[0]", { exact: true }).waitFor();
  const scrolled = async () => {
    await tree.evaluate((element) => element.scrollTo(0, element.scrollHeight));
    return tree.getByText("node[19999]", { exact: true }).count();
  };
  await expect.poll(scrolled, { timeout: 50_000 }).toBe(1);
  expect(await page.getByRole("treeitem").count()).toBeLessThan(60);
  await close();
});

test("views fit a phone, and have a dark form", async () => {
  const size = { width: 390, height: 844 };
  const views = ["/", run("nightly"), `${run("nightly")}/job/nightly/sims/run[1]`, "/nothing"];
  for (const view of views) {
    const { page, close } = await open(view, { size, scheme: "dark" });
    await page.locator("main h1, main h2").first().waitFor();
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
    const background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    expect(background).toBe("rgb(13, 18, 25)");
    await page.getByRole("button", { name: "Theme" }).click();
    await expect
      .poll(() => page.evaluate(() => getComputedStyle(document.body).backgroundColor))
      .toBe("rgb(245, 246, 248)");
    await close();
  }
});

test("a run that does not exist, and a view that does not exist, say so", async () => {
  const { page, close } = await open("/run/0123", { expected: /404/ });
  await page.getByRole("alert").getByText("there is no run").waitFor();
  await page.goto(`${inject("url")}/elsewhere`);
  await page.getByText("There is no such view").waitFor();
  await close();
});

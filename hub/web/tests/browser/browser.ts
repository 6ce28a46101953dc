import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, expect, inject } from "vitest";

const CHROMIUM = process.env["GATOR_TEST_CHROMIUM"] ?? "/usr/bin/chromium";
const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

let browser: Browser;

beforeAll(async () => {
  browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGUMENTS });
});

afterAll(async () => {
  await browser.close();
});

export interface Opened {
  page: Page;
  /** Fails if the page had an error, a violation of its policy, or asked another host. */
  close: () => Promise<void>;
}

interface Options {
  token?: string;
  url?: string;
  size?: { width: number; height: number };
  scheme?: "light" | "dark";
  /** Errors that the test provokes. */
  expected?: RegExp;
}

/** Opens a view of the hub in a browser of its own, signed in. */
export async function open(path: string, options: Options = {}): Promise<Opened> {
  const url = options.url ?? inject("url");
  const context = await browser.newContext({
    viewport: options.size ?? { width: 1360, height: 850 },
    colorScheme: options.scheme ?? "light",
    permissions: ["clipboard-read", "clipboard-write"],
  });
  const token = options.token ?? inject("token");
  await context.addInitScript((text) => {
    if (text && !sessionStorage.getItem("signed-in")) localStorage.setItem("gator-hub-token", text);
    sessionStorage.setItem("signed-in", "yes");
  }, token);
  const page = await context.newPage();
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) problems.push(message.text());
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(url) && !request.url().startsWith("data:")) problems.push(`asked ${request.url()}`);
  });
  await page.goto(`${url}${path}`);
  return {
    page,
    close: async () => {
      await context.close();
      expect(problems.filter((text) => !options.expected?.test(text))).toEqual([]);
    },
  };
}

/** Returns the texts of the lines that are shown, by their numbers. */
export async function lines(page: Page): Promise<Record<string, string>> {
  return page.evaluate(() =>
    Object.fromEntries(
      [...document.querySelectorAll(".line")].map((line) => [
        line.querySelector(".number")?.textContent ?? "",
        line.querySelector(".text")?.textContent ?? "",
      ]),
    ),
  );
}

/** Waits until a line is shown, and is what is expected. */
export function shown(page: Page, number: string) {
  return expect.poll(async () => (await lines(page))[number], { timeout: 25_000 });
}

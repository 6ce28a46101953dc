import { defineConfig } from "vitest/config";

// tests/unit needs nothing; tests/browser needs Chromium, a built page and a hub, which its set-up starts.
// The project "screenshots" is no test: it writes the pictures of the documentation.
export default defineConfig({
  test: {
    testTimeout: 60_000,
    hookTimeout: 120_000,
    fileParallelism: false,
    projects: [
      { extends: true, test: { name: "unit", include: ["tests/unit/**/*.test.ts"], setupFiles: ["tests/unit/setup.ts"] } },
      {
        extends: true,
        test: {
          name: "browser",
          include: ["tests/browser/**/*.test.ts"],
          globalSetup: ["tests/browser/hub.ts"],
        },
      },
      { extends: true, test: { name: "screenshots", include: ["screenshots/*.test.ts"] } },
    ],
  },
});

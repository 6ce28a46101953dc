import { defineConfig } from "vite";
import { notices } from "./notices.ts";

// The build script of Gator calls this; see tools/wheel/web_page.py.
export default defineConfig({
  plugins: [notices()],
  build: {
    outDir: "../gator_hub/web/page",
    emptyOutDir: true,
    target: "es2022",
    // The policy of the hub allows no images or fonts inside of styles.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});

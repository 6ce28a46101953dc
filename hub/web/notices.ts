import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Plugin } from "vite";

/** Writes THIRD_PARTY_NOTICES.txt, with the name, version and license of every package in the bundle. */
export function notices(): Plugin {
  return {
    name: "third-party-notices",
    generateBundle(_, bundle) {
      const folders = new Set<string>();
      for (const chunk of Object.values(bundle)) {
        const modules = chunk.type === "chunk" ? Object.keys(chunk.modules) : [];
        for (const module of modules) {
          const folder = packageFolder(module.replace(/^\0/, "").replace(/\?.*$/, ""));
          if (folder) folders.add(folder);
        }
      }
      const texts = [...folders].map(notice).sort();
      this.emitFile({
        type: "asset",
        fileName: "THIRD_PARTY_NOTICES.txt",
        source: `The page of a Gator hub contains these packages.\n\n${texts.join("\n")}`,
      });
    },
  };
}

/** Returns the folder of the package of a module; undefined for our own modules. */
function packageFolder(module: string): string | undefined {
  return /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(module)?.[0];
}

function notice(folder: string): string {
  const described = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const file = readdirSync(folder).find((name) => /^licen[cs]e/i.test(name));
  const text = file ? readFileSync(join(folder, file), "utf8").trim() : `License: ${described.license}`;
  return `${"-".repeat(80)}\n${described.name} ${described.version} (${described.license})\n\n${text}\n`;
}

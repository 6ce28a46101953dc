import { Icon } from "./icons";

type Value = string | number | boolean;
type ExportRow = Record<string, Value>;

interface Props {
  /** Name of the files, without an extension. */
  name: string;
  rows: () => ExportRow[] | Promise<ExportRow[]>;
}

/** Buttons that save the rows of a table as CSV or JSON. */
export function ExportButtons({ name, rows }: Props) {
  const save = async (extension: "csv" | "json") => {
    const found = await rows();
    const text = extension === "csv" ? csv(found) : `${JSON.stringify(found, null, 2)}\n`;
    download(`${name}.${extension}`, [text], extension === "csv" ? "text/csv" : "application/json");
  };
  return (
    <>
      <button type="button" onClick={() => void save("csv")} title="Save the table as CSV">
        <Icon name="download" /> CSV
      </button>
      <button type="button" onClick={() => void save("json")} title="Save the table as JSON">
        <Icon name="download" /> JSON
      </button>
    </>
  );
}

/** Saves a file by the browser. */
export function download(name: string, parts: BlobPart[], type: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(parts, { type }));
  link.download = name.replaceAll(/[^\w.@+-]+/g, "_");
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

/** Returns rows as CSV by RFC 4180. A value that a spreadsheet would take for a formula begins with an apostrophe. */
export function csv(rows: ExportRow[]): string {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const lines = [names, ...rows.map((row) => names.map((name) => row[name] ?? ""))];
  return lines.map((values) => `${values.map(field).join(",")}\r\n`).join("");
}

function field(value: Value): string {
  const text = typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

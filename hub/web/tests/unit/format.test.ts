import { expect, test } from "vitest";
import { count, duration, moment, plural, shellWord, size } from "../../src/format";
import { emptyFilter, filterCommand, filterOf, requestOf, searchOf } from "../../src/views/runs/filter";
import { bars } from "../../src/ui/parts";

test("durations have two units", () => {
  const seconds = [0.0012, 1.234, 12.34, 59.99, 61, 3599.6, 7384, 200_000];
  const texts = ["1 ms", "1.23 s", "12.3 s", "1 min 0 s", "1 min 1 s", "1 h 0 min", "2 h 3 min", "2 d 8 h"];
  expect(seconds.map((value) => duration(value * 1e9))).toEqual(texts);
});

test("times of today have no day", () => {
  const now = new Date(2026, 10, 30, 13, 5, 7);
  const nanos = (at: Date) => BigInt(at.getTime()) * 1_000_000n;
  expect(moment(nanos(now), now)).toBe("13:05:07");
  expect(moment(nanos(new Date(2026, 10, 29, 13, 5, 7)), now)).toBe("29 Nov 13:05");
  expect(moment(nanos(new Date(2025, 10, 29, 13, 5, 7)), now)).toBe("29 Nov 2025 13:05");
});

test("counts, sizes and words", () => {
  expect(count(1234567n)).toBe("1,234,567");
  expect([plural(1n, "job"), plural(2, "job")]).toEqual(["1 job", "2 jobs"]);
  expect([size(512), size(5_100_000), size(3n << 40n)]).toEqual(["512 B", "4.9 MiB", "3.0 TiB"]);
  expect(["a/b", "run[2]", "it's"].map(shellWord)).toEqual(["a/b", "'run[2]'", "'it'\\''s'"]);
});

test("the filter of runs is in the URL, in the request and in the command", () => {
  const filter = { ...emptyFilter, name: "nightly", state: "failed", label: "branch=a=b", since: "1d" };
  expect(filterOf(searchOf(filter))).toEqual(filter);
  const request = requestOf(filter, 1_800_000_030_000);
  expect(request).toMatchObject({ name: "nightly", labels: { branch: "a=b" }, fromUnixNanos: 1_799_913_600_000_000_000n });
  expect(searchOf(emptyFilter)).toBe("");
});

test("a command is shown only where one lists the same runs", () => {
  expect(filterCommand({ ...emptyFilter, state: "running" })).toBe("");
});

test("one failure of very many is visible in a bar", () => {
  const shown = bars([{ jobs: 100_000 }, { jobs: 1 }]);
  expect(shown[1]?.width).toBeGreaterThan(1);
  expect((shown[1]?.x ?? 0) + (shown[1]?.width ?? 0)).toBeCloseTo(100);
});

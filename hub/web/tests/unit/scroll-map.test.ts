import { expect, test } from "vitest";
import { MAX_SPACER_PX, ScrollMap } from "../../src/windows/scroll-map";

const ROW_PX = 20;
const VIEW_PX = 600;
const MANY = 15_000_000;

function map(rows: number): ScrollMap {
  const made = new ScrollMap(ROW_PX);
  made.resize(rows, VIEW_PX, false);
  return made;
}

test("few rows are scrolled as a browser does", () => {
  const few = map(1000);
  expect(few.spacerPx).toBe(20_000);
  few.scrolled(730);
  expect([few.top, few.scrollTop, few.firstRow]).toEqual([730, 730, 36]);
});

test("the spacer of any number of rows is lower than the cap of browsers", () => {
  expect(map(MANY).spacerPx).toBe(MAX_SPACER_PX);
});

test("every row of many can be shown, and the scroll bar is in proportion", () => {
  const many = map(MANY);
  for (const row of [0, 1, 7_499_999, MANY - 2, MANY - 1]) {
    many.show(row, 0.3);
    const last = many.firstRow + many.rowsInView - 1;
    expect(many.firstRow).toBeLessThanOrEqual(row);
    expect(last).toBeGreaterThanOrEqual(row);
    expect(many.scrollTop / (MAX_SPACER_PX - VIEW_PX)).toBeCloseTo(row / MANY, 4);
  }
  expect(many.isAtEnd).toBe(true);
});

test("a short move is exact, also among many rows", () => {
  const many = map(MANY);
  many.show(7_000_000, 0);
  many.scrolled(many.scrollTop + 100);
  expect(many.firstRow).toBe(7_000_005);
  many.scrolled(many.scrollTop - 40);
  expect(many.firstRow).toBe(7_000_003);
});

test("short moves reach the first and the last row", () => {
  const many = map(MANY);
  many.show(30, 0);
  for (let step = 0; step < 40; step += 1) many.scrolled(Math.max(0, many.scrollTop - 100));
  expect(many.top).toBe(0);
  many.show(MANY - 60, 0);
  for (let step = 0; step < 40; step += 1) many.scrolled(Math.min(MAX_SPACER_PX - VIEW_PX, many.scrollTop + 100));
  expect(many.isAtEnd).toBe(true);
});

test("the ends of the scroll bar are the first and the last row", () => {
  const many = map(MANY);
  many.scrolled(MAX_SPACER_PX - VIEW_PX);
  expect(many.firstRow + VIEW_PX / ROW_PX).toBe(MANY);
  many.scrolled(0);
  expect(many.top).toBe(0);
});

test("a view at the end stays there when rows are added, and no other view moves", () => {
  const tail = map(100);
  tail.moveTo(tail.maxTop);
  tail.resize(120, VIEW_PX, true);
  expect(tail.isAtEnd).toBe(true);
  tail.moveTo(100);
  tail.resize(5_000_000, VIEW_PX, true);
  expect(tail.top).toBe(100);
});

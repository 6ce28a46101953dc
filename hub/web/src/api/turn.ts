const MAX_CALLS = 3;
let calls = 0;
const waiting: (() => void)[] = [];

/** Makes calls for details of rows: few at a time, so that the table and other views do not wait for them. */
export async function turn<T>(call: () => Promise<T>): Promise<T> {
  if (calls >= MAX_CALLS) await new Promise<void>((resolve) => waiting.push(resolve));
  calls += 1;
  try {
    return await call();
  } finally {
    calls -= 1;
    waiting.shift()?.();
  }
}

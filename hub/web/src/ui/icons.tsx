/** Outlines of icons in a box of 24 by 24. */
const PATHS = {
  sun: "M12 4V2m0 20v-2m8-8h2M2 12h2m13.7-5.7 1.4-1.4M4.9 19.1l1.4-1.4m0-11.4L4.9 4.9m14.2 14.2-1.4-1.4M16 12a4 4 0 1 1-8 0 4 4 0 0 1 8 0Z",
  moon: "M20 14.5A8 8 0 0 1 9.5 4a8 8 0 1 0 10.5 10.5Z",
  auto: "M12 3a9 9 0 1 0 0 18Zm0 0a9 9 0 0 1 0 18",
  leave: "M14 4h5v16h-5M4 12h11m-4-4 4 4-4 4",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  check: "m5 12 5 5 9-10",
  download: "M12 4v11m-5-5 5 5 5-5M5 20h14",
  stop: "M6 6h12v12H6z",
  compare: "M8 4v16m8-16v16M8 8H3m18 8h-5",
  help: "M9 9a3 3 0 1 1 4.5 2.6c-1 .6-1.5 1.1-1.5 2.4m0 3v.1M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0Z",
  chart: "M4 4v16h16M8 15l3-4 3 2 5-7",
  columns: "M4 5h16v14H4zM9.5 5v14m5-14v14",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}

import type { ComponentChildren, RefObject } from "preact";
import { useCallback, useEffect, useImperativeHandle, useLayoutEffect, useReducer, useRef } from "preact/hooks";
import { ScrollMap } from "./scroll-map";

export interface WindowHandle {
  /** Shows a row at a share of the height of the view: 0 at its top, 1 at its end. */
  show(row: number, share: number): void;
  focus(): void;
}

interface Props {
  rows: number;
  rowPx: number;
  label: string;
  role?: "tree" | "log" | "list";
  class?: string;
  /** Height of the view; by default that of the element around it. */
  heightPx?: number;
  /** Whether a view at the end stays there when rows are added. */
  keepsEnd?: boolean;
  /** Whether rows may be higher than `rowPx`, which is then only the way that the scroll bar has for one. */
  isVariable?: boolean;
  handle?: RefObject<WindowHandle>;
  onWindow?: (first: number, count: number) => void;
  onKey?: (event: KeyboardEvent) => void;
  children: (row: number) => ComponentChildren;
}

/** Any number of rows of one height. Only the rows in view exist. */
export function Windowed(props: Props) {
  const { rows, rowPx, keepsEnd = false, isVariable = false, handle, onWindow } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const map = useRef<ScrollMap>();
  map.current ??= new ScrollMap(rowPx);
  const at = map.current;
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  const isMoved = useRef(false);

  const apply = useCallback(() => {
    isMoved.current = true;
    redraw(0);
  }, []);

  // The scroll bar is moved once the spacer has its new height: a shorter one would stop it, and the position at which
  // it stopped would be taken for one to which the user moved it.
  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element || !isMoved.current) return;
    isMoved.current = false;
    // The browser rounds positions, so small differences are left.
    if (Math.abs(element.scrollTop - at.scrollTop) >= 1) element.scrollTop = at.scrollTop;
  });

  useLayoutEffect(() => {
    at.resize(rows, scroller.current?.clientHeight ?? 0, keepsEnd);
    apply();
  }, [rows, keepsEnd, at, apply]);

  useEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const observer = new ResizeObserver(() => {
      at.resize(at.rows, element.clientHeight, keepsEnd);
      apply();
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, [keepsEnd, at, apply]);

  const show = (row: number, share: number) => {
    if (isVariable) at.showAnchor(row);
    else at.show(row, share);
    apply();
  };
  useImperativeHandle(handle ?? { current: null }, () => ({
    show,
    focus: () => scroller.current?.focus(),
  }));

  const anchor = Math.min(Math.floor(at.anchor), Math.max(0, rows - 1));
  const first = isVariable ? Math.max(0, anchor - at.rowsInView) : at.firstRow;
  const count = Math.max(0, Math.min(isVariable ? 2 * at.rowsInView : at.rowsInView, rows - first));
  const body = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const element = body.current;
    if (element) element.style.transform = `translateY(${shiftPx(element, at, isVariable, anchor, first, rowPx)}px)`;
  });
  useEffect(() => onWindow?.(first, count), [first, count, onWindow]);

  return (
    <div
      ref={scroller}
      class={`windowed ${props.class ?? ""}`}
      role={props.role ?? "list"}
      aria-label={props.label}
      tabIndex={0}
      {...(props.heightPx ? { style: { height: `${props.heightPx}px` } } : {})}
      onKeyDown={(event) => {
        props.onKey?.(event);
        // A browser that scrolls smoothly slows down towards the end, and short moves are exact: it would stop before it.
        if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey) return;
        if (event.key !== "Home" && event.key !== "End") return;
        event.preventDefault();
        if (event.key === "Home") show(0, 0);
        else show(rows - 1, 1);
      }}
      onScroll={(event) => {
        if (Math.abs(event.currentTarget.scrollTop - at.scrollTop) < 1) return;
        at.scrolled(event.currentTarget.scrollTop);
        apply();
      }}
    >
      <div class="window" style={{ height: `${at.viewPx}px` }}>
        <div class="rows" ref={body}>
          {Array.from({ length: count }, (_, index) => props.children(first + index))}
        </div>
      </div>
      <div class="spacer" style={{ height: `${Math.max(0, at.spacerPx - at.viewPx)}px` }} />
    </div>
  );
}

/** Returns how far the rows are moved in the view; `anchor` is the number of the row that is aligned. */
function shiftPx(element: HTMLElement, at: ScrollMap, isVariable: boolean, anchor: number, first: number, rowPx: number): number {
  if (!isVariable) return first * rowPx - at.top;
  const row = element.children[anchor - first];
  if (!(row instanceof HTMLElement)) return 0;
  // All rows fit, so there is nothing to align.
  if (element.children.length === at.rows && element.offsetHeight <= at.viewPx) return 0;
  return at.share * at.viewPx - row.offsetTop - (at.anchor - anchor) * row.offsetHeight;
}

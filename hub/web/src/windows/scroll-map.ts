/**
 * Maps the position of a scroll bar to rows. Browsers cap the height of an element (Chromium at 33,554,428 px), so the
 * element that is scrolled is at most MAX_SPACER_PX high, and the mapping is our own: short moves are exact, long ones
 * are in proportion.
 */
export const MAX_SPACER_PX = 8_000_000;
/** Distance between the scroll bar and its place in proportion from which the bar is moved there. */
const MAX_DRIFT_PX = 20_000;

export class ScrollMap {
  /** Distance of the upper edge of the view from the first row, in pixels as if the height had no cap. */
  top = 0;
  /** Position of the scroll bar. */
  scrollTop = 0;
  rows = 0;
  viewPx = 0;
  readonly rowPx: number;

  constructor(rowPx: number) {
    this.rowPx = rowPx;
  }

  get totalPx(): number {
    return this.rows * this.rowPx;
  }

  get spacerPx(): number {
    return Math.min(this.totalPx, MAX_SPACER_PX);
  }

  get maxTop(): number {
    return Math.max(0, this.totalPx - this.viewPx);
  }

  private get maxScroll(): number {
    return Math.max(0, this.spacerPx - this.viewPx);
  }

  get isAtEnd(): boolean {
    return this.top >= this.maxTop - this.rowPx / 2;
  }

  get firstRow(): number {
    return Math.min(Math.max(0, this.rows - 1), Math.floor(this.top / this.rowPx));
  }

  get rowsInView(): number {
    return Math.ceil(this.viewPx / this.rowPx) + 1;
  }

  /** Takes numbers of rows and pixels that have changed; a view at the end stays there if `keepsEnd`. */
  resize(rows: number, viewPx: number, keepsEnd: boolean): void {
    const wasAtEnd = this.isAtEnd;
    this.rows = rows;
    this.viewPx = viewPx;
    this.moveTo(keepsEnd && wasAtEnd ? this.maxTop : this.top);
  }

  /** Takes a position to which the user moved the scroll bar. */
  scrolled(scrollTop: number): void {
    const delta = scrollTop - this.scrollTop;
    if (this.totalPx <= MAX_SPACER_PX) {
      this.top = this.clamp(scrollTop);
      this.scrollTop = scrollTop;
      return;
    }
    const isAtEdge = scrollTop <= 0 || scrollTop >= this.maxScroll;
    if (Math.abs(delta) <= this.viewPx && !(isAtEdge && this.isNearEdge(scrollTop))) {
      this.top = this.clamp(this.top + delta);
      this.scrollTop = scrollTop;
      const place = this.proportion(this.top);
      if (isAtEdge || Math.abs(place - scrollTop) > MAX_DRIFT_PX) this.scrollTop = place;
      return;
    }
    this.top = this.clamp((scrollTop / this.maxScroll) * this.maxTop);
    this.scrollTop = scrollTop;
  }

  moveTo(top: number): void {
    this.top = this.clamp(top);
    this.scrollTop = this.totalPx <= MAX_SPACER_PX ? this.top : this.proportion(this.top);
  }

  /** Shows a row at a share of the height of the view: 0 at its top, 1 at its end. */
  show(row: number, share: number): void {
    this.moveTo(row * this.rowPx - share * Math.max(0, this.viewPx - this.rowPx));
  }

  /**
   * The row at which rows of different heights are aligned, with its part above that place. It is at the share of the
   * height of the view that the scroll bar has: the first row at the upper edge, the last one at the lower edge.
   */
  get anchor(): number {
    return this.share * this.rows;
  }

  /** The share of the way that the scroll bar has gone, from 0 to 1. */
  get share(): number {
    return this.maxTop ? this.top / this.maxTop : 0;
  }

  /** Makes a row the anchor. */
  showAnchor(row: number): void {
    this.moveTo(this.rows > 1 ? (row / (this.rows - 1)) * this.maxTop : 0);
  }

  private isNearEdge(scrollTop: number): boolean {
    const edge = scrollTop <= 0 ? 0 : this.maxTop;
    return Math.abs(this.top - edge) <= this.viewPx;
  }

  private proportion(top: number): number {
    return this.maxTop ? (top / this.maxTop) * this.maxScroll : 0;
  }

  private clamp(top: number): number {
    return Math.min(Math.max(0, top), this.maxTop);
  }
}

/** The part of the x axis that is looked at, both ends in; null: all of it. */
export interface Zoom {
  readonly from: number;
  readonly to: number;
}

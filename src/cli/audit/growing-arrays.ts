/** Numbers of which nobody knows how many will come, eight or four bytes each. */
const firstSize = 1024;

class GrowingArray<A extends Float64Array | Int32Array> {
  readonly #ofSize: (size: number) => A;
  #values: A;
  length = 0;

  constructor(ofSize: (size: number) => A) {
    this.#ofSize = ofSize;
    this.#values = ofSize(firstSize);
  }

  push(value: number): void {
    if (this.length === this.#values.length) {
      const larger = this.#ofSize(2 * this.length);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.length] = value;
    this.length += 1;
  }

  end(): A {
    return this.#values.slice(0, this.length) as A;
  }
}

export const growingFloats = () => new GrowingArray((size) => new Float64Array(size));
export const growingIntegers = () => new GrowingArray((size) => new Int32Array(size));

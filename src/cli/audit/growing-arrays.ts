/** Numbers of which nobody knows how many will come, eight or four bytes each. */
const firstSize = 1024;

export class GrowingFloats {
  #values = new Float64Array(firstSize);
  length = 0;

  push(value: number): void {
    if (this.length === this.#values.length) {
      const larger = new Float64Array(2 * this.length);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.length] = value;
    this.length += 1;
  }

  end(): Float64Array {
    return this.#values.slice(0, this.length);
  }
}

export class GrowingIntegers {
  #values = new Int32Array(firstSize);
  length = 0;

  push(value: number): void {
    if (this.length === this.#values.length) {
      const larger = new Int32Array(2 * this.length);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.length] = value;
    this.length += 1;
  }

  end(): Int32Array {
    return this.#values.slice(0, this.length);
  }
}

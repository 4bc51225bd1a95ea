/** A map of bounded size: what was not asked for the longest goes first. */
export class RecentMap<Key, Value> {
  readonly #values = new Map<Key, Value>();

  /** @param most entries, ≥ 1 */
  constructor(private readonly most: number) {}

  has(key: Key): boolean {
    return this.#values.has(key);
  }

  /** Without counting as asked for. */
  peek(key: Key): Value | undefined {
    return this.#values.get(key);
  }

  get(key: Key, make: () => Value): Value {
    const known = this.#values.has(key);
    const value = known ? this.#values.get(key)! : make();
    this.set(key, value);
    return value;
  }

  set(key: Key, value: Value): void {
    this.#values.delete(key);
    this.#values.set(key, value);
    if (this.#values.size > this.most) {
      this.#values.delete(this.#values.keys().next().value!);
    }
  }
}

/** A map that forgets its oldest entries when they become too many or, where a size is told, too large together; the newest always stays. */
export class Bounded<K, V> extends Map<K, V> {
  private readonly sizes = new Map<K, number>();
  private bytes = 0;

  constructor(
    private readonly max: { count: number; bytes?: number },
    private readonly sizeOf: (value: V) => number = () => 0,
  ) {
    super();
  }

  /** What is there already keeps its age. */
  override set(key: K, value: V): this {
    const size = this.sizeOf(value);
    this.bytes += size - (this.sizes.get(key) ?? 0);
    if (size > 0) this.sizes.set(key, size);
    else this.sizes.delete(key);
    super.set(key, value);
    for (const oldest of this.keys()) {
      if (this.size <= this.max.count && this.bytes <= (this.max.bytes ?? Infinity)) break;
      if (oldest !== key) this.delete(oldest);
    }
    return this;
  }

  override delete(key: K): boolean {
    this.bytes -= this.sizes.get(key) ?? 0;
    this.sizes.delete(key);
    return super.delete(key);
  }

  override clear(): void {
    this.bytes = 0;
    this.sizes.clear();
    super.clear();
  }
}

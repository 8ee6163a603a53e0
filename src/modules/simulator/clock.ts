/** What happens a while later, unless the simulator is reset or closed before. */
export class Clock {
  private readonly timers = new Set<NodeJS.Timeout>();

  get pending(): number {
    return this.timers.size;
  }

  later(ms: number, run: () => void): void {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      run();
    }, ms);
    this.timers.add(timer);
  }

  clear(): void {
    for (const timer of this.timers) clearTimeout(timer);
    this.timers.clear();
  }
}

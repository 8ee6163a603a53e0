/** What to say of a variable that is not ours and nearly spelled like one that is. */
export function misspelling(name: string, known: ReadonlySet<string>): string | null {
  // Shorter names are near to everybody's.
  if (known.has(name) || name.length < 6) return null;
  const [nearest] = [...known].map((other) => ({ other, distance: distance(name, other) })).sort((a, b) => a.distance - b.distance);
  const near = name.startsWith('RATE_LIMIT_') || nearest.distance <= (name.length < 9 ? 1 : 2);
  return near ? `${name} is not read, did you mean ${nearest.other}?` : null;
}

/** Letters to change, add or leave out to come from one word to the other (Levenshtein). */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, n) => n);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) next.push(Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (from[i - 1] === to[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[to.length];
}

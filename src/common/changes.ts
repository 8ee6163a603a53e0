/** What of the input is given and differs from the row. */
export const changesOf = <T extends object>(row: T, input: Partial<T>): Partial<T> =>
  Object.fromEntries(
    Object.entries(input).filter(
      ([field, value]) => value !== undefined && JSON.stringify(value) !== JSON.stringify(row[field as keyof T]),
    ),
  ) as Partial<T>;

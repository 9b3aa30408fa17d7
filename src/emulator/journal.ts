/** A list that remembers the newest entries only, so that an emulator left running does not grow. */
export interface Journal<Entry> {
  add(entry: Entry): void;
  /** Oldest first; a copy. */
  entries(): readonly Entry[];
  clear(): void;
}

/** @param limit how many entries are kept; the oldest go first */
export function createJournal<Entry>(limit = 10_000): Journal<Entry> {
  let kept: Entry[] = [];
  return {
    add(entry) {
      kept.push(entry);
      // Cut in blocks: moving the whole list on every entry would cost more than a little extra memory.
      if (kept.length >= limit * 2) kept = kept.slice(-limit);
    },
    entries: () => kept.slice(-limit),
    clear() {
      kept = [];
    },
  };
}

/**
 * A map that forgets its oldest entries beyond `limit`, so that an emulator left running does not grow.
 * Setting an existing key renews its age.
 */
export function createBoundedMap<Key, Value>(limit = 10_000): Map<Key, Value> {
  const map = new Map<Key, Value>();
  const set = map.set.bind(map);
  map.set = (key, value) => {
    map.delete(key);
    set(key, value);
    if (map.size > limit) {
      const oldest = map.keys().next();
      if (!oldest.done) map.delete(oldest.value);
    }
    return map;
  };
  return map;
}

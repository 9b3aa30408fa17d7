// Takes `engines` out of package-lock.json where it asks for a newer Node than the oldest that "npm ci" is run with.
// The pinned Node of optionalDependencies is what runs the packages, so npm's EBADENGINE warnings would mislead.
// Run it after a change of dependencies: npm run lock
import { readFileSync, writeFileSync } from 'node:fs';

const file = new URL('../package-lock.json', import.meta.url);
const lock = JSON.parse(readFileSync(file, 'utf8'));

// "^20.19.0 || >=22" and ">=22" exclude 20.0; ">=18", ">= 20" and "^20 || ^22" do not.
const admitsNode20 = (range) =>
  range
    .split('||')
    .some((part) =>
      /^\s*(\*|>=?\s*(\d|1\d)\b.*|>=\s*20(\.0){0,2}|[\^~]?\s*20(\.(0|x)){0,2}(\.x)?)\s*$/.test(part),
    );

for (const entry of Object.values(lock.packages))
  if (entry.engines?.node && !admitsNode20(entry.engines.node)) delete entry.engines;

writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);

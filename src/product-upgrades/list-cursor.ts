import { z } from 'zod';
import type { ListPosition } from './ports.ts';

const position = z.tuple([z.int().min(0), z.guid()]);

const isPosition = (text: string): boolean => {
  try {
    return position.safeParse(JSON.parse(text)).success;
  } catch {
    return false;
  }
};

/** Where a page ended, for callers to hand back; what is in it is nobody's business but ours. */
export const toListCursor = ({ requestedAt, upgradeId }: ListPosition): string =>
  Buffer.from(JSON.stringify([requestedAt, upgradeId])).toString('base64url');

/** Takes only what `toListCursor` made. */
export const listCursor = z
  .string()
  .max(200, 'is not a cursor of this list')
  .transform((cursor) => Buffer.from(cursor, 'base64url').toString())
  .refine(isPosition, 'is not a cursor of this list')
  .transform((text): ListPosition => {
    const [requestedAt, upgradeId] = position.parse(JSON.parse(text));
    return { requestedAt, upgradeId: upgradeId.toLowerCase() };
  });

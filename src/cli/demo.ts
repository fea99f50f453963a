import type { Context } from './context.ts';
/** later */
export async function demo(_flags: object, _context: Context): Promise<number> {
  return Promise.resolve(0);
}

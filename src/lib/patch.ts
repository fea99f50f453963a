import { formatPatch, structuredPatch, type StructuredPatchHunk } from 'diff';

/** How many unchanged lines stand around each change. */
export const PATCH_CONTEXT = 3;

/** Offsets of one place in two versions of a text, both at the beginning of a line. */
export interface SamePlace {
  readonly before: number;
  readonly after: number;
}

/**
 * The unified difference of two versions of a file, as `patch` reads it, without a final line break. `names`: of the two versions, for
 * people. `cuts`: places, in order, before and behind which more than `PATCH_CONTEXT` lines are known to be the same: what is between two
 * of them is compared by itself, as the time for a whole grows with the square of its changes.
 */
export function unifiedPatch(
  path: string,
  { before, after }: { readonly before: string; readonly after: string },
  {
    names = { before: '', after: '' },
    cuts = [],
  }: { readonly names?: { readonly before: string; readonly after: string }; readonly cuts?: readonly SamePlace[] } = {},
): string {
  const hunks: StructuredPatchHunk[] = [];
  const lines = { before: 0, after: 0 };
  let from: SamePlace = { before: 0, after: 0 };
  for (const to of [...cuts, { before: before.length, after: after.length }]) {
    const parts = { before: before.slice(from.before, to.before), after: after.slice(from.after, to.after) };
    for (const hunk of structuredPatch(path, path, parts.before, parts.after, '', '', { context: PATCH_CONTEXT }).hunks)
      hunks.push({ ...hunk, oldStart: hunk.oldStart + lines.before, newStart: hunk.newStart + lines.after });
    lines.before += lineBreaks(parts.before);
    lines.after += lineBreaks(parts.after);
    from = to;
  }
  const files = { oldFileName: path, newFileName: path, oldHeader: names.before, newHeader: names.after };
  return formatPatch({ ...files, hunks }).trimEnd();
}

function lineBreaks(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) count += 1;
  return count;
}

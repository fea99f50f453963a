import { createTwoFilesPatch } from 'diff';

/** The unified difference of two versions of a file, as `patch` reads it, without a final line break. `names`: of the two versions, for people. */
export function unifiedPatch(
  path: string,
  texts: { readonly before: string; readonly after: string },
  names: { readonly before: string; readonly after: string } = { before: '', after: '' },
): string {
  return createTwoFilesPatch(path, path, texts.before, texts.after, names.before, names.after, { context: 3 }).trimEnd();
}

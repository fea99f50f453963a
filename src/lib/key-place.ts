/** Line and column of a key in a YAML, JSON or TOML text, found by walking its path down the text; nothing where it is not found. */
export function keyPlace(text: string | undefined, path: readonly string[]): { readonly line?: number; readonly column?: number } {
  if (text === undefined) return {};
  let [at, found] = [0, -1];
  for (const key of path.filter((segment) => !/^\d+$/.test(segment))) {
    const pattern = new RegExp(`(^|[\\s{,"'\\[])(${RegExp.escape(key)})["']?\\s*[:=\\]]`, 'gm');
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (!match) break;
    found = match.index + (match[1]?.length ?? 0);
    at = found + key.length;
  }
  if (found < 0) return {};
  const before = text.slice(0, found).split('\n');
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

/**
 * A replacement as Go's `Regexp.Expand` reads it: `$1` and `${1}` are groups, `$$` a dollar sign. A name is as long as it can be (`$1x`
 * is the group `1x`); a group that there is not, or that took no part, is empty; any other `$` stands for itself.
 */
export function expand(replacement: string, group: (index: number) => string): string {
  return replacement.replace(/\$(?:\$|\{([A-Za-z0-9_]+)\}|([A-Za-z0-9_]+))/g, (_all, braced?: string, bare?: string) => {
    const name = braced ?? bare;
    if (name === undefined) return '$';
    return /^(0|[1-9]\d{0,7})$/.test(name) ? group(Number(name)) : '';
  });
}

/**
 * A replacement of Go's regular expressions (Regexp.Expand) in one form: `${n}` for groups, `$$` for a dollar. Names run as far as
 * letters, digits and underscores go, so `$1x` means a group "1x", which is empty; the safe subset has no named groups.
 */
export function goReplacement(text: string): string {
  return text.replace(/\$(?:\$|\{(\w+)\}|(\w+))?/g, (whole: string, braced?: string, bare?: string) => {
    if (whole === '$' || whole === '$$') return '$$';
    const name = braced ?? bare ?? '';
    return /^\d+$/.test(name) ? `\${${Number(name)}}` : '';
  });
}

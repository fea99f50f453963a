/**
 * A replacement of Go's regular expressions (Regexp.Expand) in one form: `$n` for groups, `${n}` where a letter, digit or underscore
 * follows, `$$` for a dollar. Names run as far as such characters go, so `$1x` means a group "1x", which is empty; the safe subset has
 * no named groups.
 */
export function goReplacement(text: string): string {
  return text.replace(/\$(?:\$|\{(\w+)\}|(\w+))?/g, (...found: readonly unknown[]) => {
    const [whole, braced, bare, offset] = found;
    if (whole === '$' || whole === '$$') return '$$';
    const name = typeof braced === 'string' ? braced : bare;
    if (typeof name !== 'string' || !/^\d+$/.test(name)) return '';
    const next = typeof offset === 'number' && typeof whole === 'string' ? text.charAt(offset + whole.length) : '';
    return /\w/.test(next) ? `\${${Number(name)}}` : `$${Number(name)}`;
  });
}

/** Whether a text fits a pattern of an operator: `*` stands for any characters, `?` for one; everything else for itself. */
export function fitsWildcard(text: string, pattern: string): boolean {
  let [at, from, star, retry] = [0, 0, -1, 0];
  while (at < text.length) {
    const wanted = pattern.charAt(from);
    if (wanted === '*') {
      [star, retry] = [from, at];
      from += 1;
    } else if (wanted === '?' || (wanted !== '' && wanted === text.charAt(at))) {
      at += 1;
      from += 1;
    } else if (star >= 0) {
      retry += 1;
      [at, from] = [retry, star + 1];
    } else return false;
  }
  return /^\**$/.test(pattern.slice(from));
}

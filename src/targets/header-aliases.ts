/** A header and the names that CGI, WSGI and the like cannot tell from it: any of `-`, `_`, `.` between its words. */
export function headerAliases(header: string): readonly string[] {
  const [first = '', ...words] = header.split('-');
  return words.reduce<readonly string[]>(
    (names, word) => names.flatMap((name) => ['-', '_', '.'].map((join) => `${name}${join}${word}`)),
    [first],
  );
}

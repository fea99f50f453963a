/** Statuses that Go has a name for; Traefik answers with no others of its own. */
const NAMED_RANGES: readonly (readonly [number, number])[] = [
  [200, 208],
  [226, 226],
  [300, 305],
  [307, 308],
  [400, 418],
  [421, 426],
  [428, 429],
  [431, 431],
  [451, 451],
  [500, 508],
  [510, 511],
];

/** Whether Traefik can be told to answer with a status. */
export function canAnswer(status: number): boolean {
  return NAMED_RANGES.some(([from, to]) => status >= from && status <= to);
}

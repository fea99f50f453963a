const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  K: 1000,
  M: 1_000_000,
  G: 1_000_000_000,
  Ki: 1024,
  Mi: 1_048_576,
  Gi: 1_073_741_824,
};

/** The bytes of a size such as `10MB`, `64KiB` or `65536`; undefined where it is none. */
export function parseBytes(value: string | number): number | undefined {
  if (typeof value === 'number') return Number.isInteger(value) && value >= 0 ? value : undefined;
  const found = /^(\d{1,15})\s*([KMG]i?)?B?$/.exec(value.trim());
  const unit = UNITS[found?.[2] ?? ''];
  return found && unit !== undefined ? Number(found[1]) * unit : undefined;
}

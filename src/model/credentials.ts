/** Who may pass a `basicAuth` policy. */
export interface Credentials {
  /** The htpasswd file that the users were read from. */
  readonly usersFile: string;
  /** bcrypt hashes by user, in the file's order; hidden, so that no dump shows them. */
  readonly users: readonly { readonly name: string; readonly hash: { reveal(): string } }[];
}

/** What is wrong with a file of rows that the user named, where, and what to do. */
export class TableError extends Error {
  override readonly name = "TableError";
}

/** The one shape in which an HTTP side of ours says no. */
export interface ErrorBody {
  error: {
    /** Stable: for programs. */
    code: string
    /** One sentence: what is wrong with what. */
    message: string
    /** What to do about it; null where there is nothing. */
    todo: string | null
  }
}

export const errorBody = (code: string, message: string, todo?: string | null): ErrorBody => ({
  error: { code, message, todo: todo ?? null },
})

/** How our programs are started: kafkajs asks for negative timeouts, which Node corrects and warns about; type stripping calls itself experimental. */
export const NODE_FLAGS = ['--disable-warning=ExperimentalWarning', '--disable-warning=TimeoutNegativeWarning']

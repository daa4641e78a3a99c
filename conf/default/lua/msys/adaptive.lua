-- Named by a script scope of configurations that use adaptive delivery. The
-- rules that it brought in the original are part of the server here and count
-- where the adaptive scope is; this makes the package known to later scripts.
require("msys.adaptive")

-- Named by the first script of every scriptlet scope. The console extras it
-- brought in the original are part of the server here.
require("msys.core")

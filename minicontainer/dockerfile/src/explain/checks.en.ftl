## Warnings: the messages of BuildKit's build checks

check-casing = Command '{ $command }' should match the case of the command majority ({ $majority ->
    [lower] lowercase
   *[upper] uppercase
 })
check-from-as-casing = '{ $as }' and '{ $from }' keywords' casing do not match
check-stage-name-casing = Stage name '{ $name }' should be lowercase
check-reserved-stage-name = Stage name should not use the same name as reserved stage "{ $name }"
check-duplicate-stage-name = Duplicate stage name "{ $name }", stage names should be unique
check-empty-continuation = Empty continuation line
check-secret = Do not use ARG or ENV instructions for sensitive data ({ $keyword } { $name })
check-maintainer = Maintainer instruction is deprecated in favor of using label
check-not-quite-json = { $keyword } looks like a JSON array but is not valid JSON, so the shell runs it; use double quotes
check-legacy-format = "{ $keyword } key=value" should be used instead of legacy "{ $keyword } key value" format
check-only-once = Multiple { $keyword } instructions should not be used in the same stage because only the last one will be used
check-default-argument = Default value for ARG { $word } results in empty or invalid base image name
check-redundant-platform = Setting platform to predefined { $word } in FROM is redundant as this is the default behavior
check-constant-platform = FROM --platform flag should not use constant value { $value }
check-protocol-casing = Defined protocol '{ $port }' in EXPOSE instruction should be lowercase
check-json-recommended = JSON arguments recommended for { $keyword } to prevent unintended behavior related to OS signals
check-undeclared-argument = FROM argument '{ $name }' is not declared
check-undeclared-argument-near = FROM argument '{ $name }' is not declared (did you mean { $near }?)
check-undefined-variable = Usage of undefined variable '${ $name }'
check-undefined-variable-near = Usage of undefined variable '${ $name }' (did you mean ${ $near }?)
check-relative-workdir = Relative workdir { $path } can have unexpected results if the base image changes
check-base-platform = Base image { $image } was pulled with platform { $actual }, expected "{ $expected }" for current build
check-ignored-file = Attempting to { $verb ->
    [add] Add
   *[copy] Copy
 } file { $path } that is excluded by .dockerignore

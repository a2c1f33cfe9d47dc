## Avisos: as verificações de build do BuildKit

check-casing = O comando '{ $command }' deveria seguir a maioria dos comandos ({ $majority ->
    [lower] minúsculas
   *[upper] maiúsculas
 })
check-from-as-casing = As palavras '{ $as }' e '{ $from }' misturam maiúsculas e minúsculas
check-stage-name-casing = O nome de estágio '{ $name }' deveria estar em minúsculas
check-reserved-stage-name = Um estágio não deveria ter o nome do estágio reservado "{ $name }"
check-duplicate-stage-name = Nome de estágio repetido, "{ $name }": os nomes de estágio deveriam ser únicos
check-empty-continuation = Linha de continuação vazia
check-secret = Não use as instruções ARG ou ENV para dados sigilosos ({ $keyword } { $name })
check-maintainer = A instrução MAINTAINER está obsoleta: use LABEL
check-not-quite-json = { $keyword } parece um array JSON, mas não é um JSON válido, portanto o shell o executa; use aspas duplas
check-legacy-format = Use "{ $keyword } chave=valor" em vez do formato antigo "{ $keyword } chave valor"
check-only-once = Só a última instrução { $keyword } de um estágio tem efeito, portanto não deveria haver várias
check-default-argument = O valor padrão do ARG { $word } resulta em um nome de imagem base vazio ou inválido
check-redundant-platform = A plataforma predefinida { $word } em FROM é redundante, porque é o comportamento padrão
check-constant-platform = A opção --platform de FROM não deveria ter o valor constante { $value }
check-protocol-casing = O protocolo '{ $port }' na instrução EXPOSE deveria estar em minúsculas
check-json-recommended = Recomenda-se um array JSON para { $keyword }, para evitar surpresas com os sinais do sistema
check-undeclared-argument = O argumento '{ $name }' de FROM não foi declarado
check-undeclared-argument-near = O argumento '{ $name }' de FROM não foi declarado (seria { $near }?)
check-undefined-variable = Uso da variável não definida '${ $name }'
check-undefined-variable-near = Uso da variável não definida '${ $name }' (seria ${ $near }?)
check-relative-workdir = O WORKDIR relativo { $path } pode ter resultados inesperados se a imagem base mudar
check-base-platform = A imagem base { $image } é da plataforma { $actual }, mas este build espera "{ $expected }"
check-ignored-file = O arquivo { $path } de { $verb ->
    [add] ADD
   *[copy] COPY
 } está excluído por .dockerignore

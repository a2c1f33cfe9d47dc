# O que cada instrução de um Dockerfile faz às camadas, aos metadados e ao cache, em português do Brasil.
#
# Uma mensagem para cada tipo de instrução, com três atributos. `$words` é o que vem depois do nome da instrução.

label-layers = Camadas:
label-metadata = Metadados:
label-cache = Cache:
closing = A chave de uma camada é um digest da chave de baixo, da instrução e do conteúdo que ela lê. Por isso, a primeira camada cuja chave mudou é refeita, e com ela todas as de cima, porque os arquivos abaixo delas mudaram. Coloque o que muda com frequência, como o seu próprio código, o mais perto possível do fim do arquivo.

instruction-add = Copiar para a imagem e desempacotar arquivos tar: { $words }
    .layers = Uma camada com os arquivos copiados. Um arquivo tar do contexto é desempacotado, comprimido ou não; todo o resto é copiado como está.
    .metadata = Uma linha no histórico.
    .cache = É reutilizada enquanto os nomes, as permissões e os conteúdos das origens forem os mesmos. As datas são ignoradas.

instruction-arg = Declarar variáveis do build: { $words }
    .layers = Nenhuma: os arquivos não mudam.
    .metadata = Uma linha no histórico com o valor, que qualquer um que tenha a imagem pode ler. A variável em si não fica na imagem: ela só existe durante o build.
    .cache = Um valor novo (--build-arg) refaz todo RUN posterior do estágio, porque um comando vê a variável. Um COPY não é afetado.

instruction-cmd = Definir o comando padrão: { $words }
    .layers = Nenhuma: os arquivos não mudam.
    .metadata = Define Cmd, no lugar do anterior. Com um ENTRYPOINT, são os argumentos padrão dele. Sem colchetes, um shell roda o comando, e é o shell, não o programa, que recebe os sinais.
    .cache = Nenhum efeito: a configuração é sempre calculada de novo.

instruction-copy = Copiar do contexto: { $words }
    .layers = Uma camada com os arquivos copiados. Os arquivos do .dockerignore não fazem parte do contexto.
    .metadata = Uma linha no histórico.
    .cache = É reutilizada enquanto os nomes, as permissões e os conteúdos das origens forem os mesmos. As datas são ignoradas; por isso, um novo checkout dos mesmos arquivos não refaz nada.

instruction-copy-from = Copiar de outro estágio ou de outra imagem: { $words }
    .layers = Uma camada com os arquivos copiados e mais nada do outro estágio: os compiladores e o código-fonte dele não entram na imagem. É para isso que os estágios servem.
    .metadata = Uma linha no histórico.
    .cache = É reutilizada enquanto o conteúdo dos arquivos copiados for o mesmo, ainda que o outro estágio tenha sido refeito.

instruction-entrypoint = Definir o entrypoint: { $words }
    .layers = Nenhuma: os arquivos não mudam.
    .metadata = Define Entrypoint e limpa o Cmd da imagem base, que era para outro programa. Os argumentos de `run` são acrescentados a ele.
    .cache = Nenhum efeito: a configuração é sempre calculada de novo.

instruction-env = Definir variáveis: { $words }
    .layers = Nenhuma: os arquivos não mudam.
    .metadata = Acrescenta a Env: toda instrução posterior vê as variáveis, e o programa também. Não coloque segredos aqui, pois qualquer um que tenha a imagem pode lê-los.
    .cache = Um valor novo refaz todo RUN posterior, porque um comando vê a variável.

instruction-expose = Documentar as portas em que o programa escuta: { $words }
    .layers = Nenhuma: os arquivos não mudam.
    .metadata = Acrescenta a ExposedPorts. Não abre nenhuma porta; é documentação para quem usa a imagem.
    .cache = Nenhum efeito: a configuração é sempre calculada de novo.

instruction-from = Começar um estágio a partir de { $words }
    .layers = As camadas da base ficam por baixo. Elas não são copiadas: uma camada é armazenada uma só vez, pelo seu digest, por mais imagens que a usem.
    .metadata = O estágio começa com a configuração da base. Os gatilhos ONBUILD da base rodam primeiro.
    .cache = O digest da base entra em todas as chaves acima dela: uma base nova refaz o estágio; a mesma base com outro nome, não.

instruction-from-scratch = Começar um estágio vazio: { $words }
    .layers = Nenhuma ainda: não há um arquivo sequer, nem mesmo um shell. Por isso, RUN precisa de um programa que tenha sido copiado antes.
    .metadata = Uma configuração vazia, exceto por PATH.
    .cache = Não há base que possa mudar; tudo depende deste arquivo e do que é copiado.

instruction-healthcheck = Definir o health check: { $words }
    .layers = Nenhuma: os arquivos não mudam.
    .metadata = Define Healthcheck, no lugar do que a base tinha.
    .cache = Nenhum efeito: a configuração é sempre calculada de novo; por isso, um cache não pode esconder uma verificação alterada.

instruction-label = Adicionar labels: { $words }
    .layers = Nenhuma: os arquivos não mudam.
    .metadata = Acrescenta a Labels.
    .cache = Nenhum efeito: a configuração é sempre calculada de novo.

instruction-maintainer = Definir o autor: { $words }
    .layers = Nenhuma: os arquivos não mudam.
    .metadata = Define o autor. A instrução é obsoleta; use LABEL org.opencontainers.image.authors no lugar dela.
    .cache = Nenhum efeito: a configuração é sempre calculada de novo.

instruction-onbuild = Adicionar um gatilho para builds baseados nesta imagem: { $words }
    .layers = Nenhuma agora. Ela é executada logo depois do FROM de um build baseado nesta imagem.
    .metadata = Acrescenta a OnBuild. Uma imagem filha a executa e não a herda.
    .cache = Nenhum efeito aqui; na imagem filha é uma instrução comum.

instruction-run = Rodar um comando num contêiner: { $words }
    .layers = Uma camada com cada arquivo que o comando acrescentou, mudou ou apagou. Um arquivo que está numa camada anterior continua lá, mesmo que seja apagado aqui: apague no mesmo RUN o que não quiser entregar. As montagens (--mount) não fazem parte da camada.
    .metadata = Uma linha no histórico com o comando e os valores de ARG.
    .cache = É reutilizada se o comando, as variáveis, o usuário, o diretório e todas as camadas de baixo forem os mesmos. Os downloads não são verificados: `RUN apt-get update` não roda de novo só porque há atualizações.

instruction-shell = Definir o shell dos comandos sem colchetes: { $words }
    .layers = Nenhuma: os arquivos não mudam.
    .metadata = Define Shell.
    .cache = Refaz todo RUN posterior sem colchetes, porque é outro comando.

instruction-stopsignal = Definir o sinal que encerra o programa: { $words }
    .layers = Nenhuma: os arquivos não mudam.
    .metadata = Define StopSignal; o padrão é SIGTERM.
    .cache = Nenhum efeito: a configuração é sempre calculada de novo.

instruction-user = Definir o usuário: { $words }
    .layers = Nenhuma: os arquivos não mudam, e o usuário não é criado.
    .metadata = Define User, para as instruções RUN posteriores e para o programa. O padrão é o root do contêiner.
    .cache = Refaz todo RUN posterior, porque outro usuário tem outras permissões.

instruction-volume = Declarar volumes: { $words }
    .layers = Nenhuma: os arquivos não mudam.
    .metadata = Acrescenta a Volumes. Outros motores criam ali um volume para cada contêiner, com o que a imagem tem nesse caminho. Este motor ainda não tem volumes: o que um contêiner grava ali fica na sua camada de escrita.
    .cache = Nenhum efeito: a configuração é sempre calculada de novo.

instruction-workdir = Definir o diretório de trabalho: { $words }
    .layers = Uma camada com o diretório, vazia se ele já existia.
    .metadata = Define WorkingDir, para as instruções posteriores e para o programa. Um caminho relativo é relativo ao anterior.
    .cache = É reutilizada enquanto o caminho, o usuário e todas as camadas de baixo forem os mesmos.

# O que cada instrução de um Dockerfile faz às camadas, aos metadados e ao cache, em português do Brasil.
#
# Uma mensagem para cada tipo de instrução, com três atributos. `$words` é o que vem depois do nome da instrução.

label-layers = Camadas:
label-metadata = Metadados:
label-cache = Cache:
closing = A chave de uma camada é um digest da chave de baixo, da instrução e do conteúdo que ela lê. Por isso, a primeira camada cuja chave mudou é construída de novo, e com ela todas as de cima, que ficam sobre outros arquivos. Ponha o que muda com frequência, como o seu próprio código, o mais perto possível do fim do arquivo.

instruction-add = Copiar para a imagem e desempacotar arquivos tar: { $words }
    .layers = Uma camada com os arquivos copiados. Um arquivo tar do contexto é desempacotado, comprimido ou não; todo o resto é copiado como está.
    .metadata = Uma linha no histórico.
    .cache = Serve de novo enquanto os nomes, as permissões e os conteúdos das origens forem os mesmos. As datas não contam.

instruction-arg = Declarar variáveis da construção: { $words }
    .layers = Nenhuma: os arquivos não mudam.
    .metadata = Uma linha no histórico com o valor, que qualquer um que tenha a imagem pode ler. A variável em si não fica na imagem: ela some quando a construção termina.
    .cache = Um valor novo (--build-arg) faz construir de novo todo RUN posterior do estágio, pois um comando vê a variável. Um COPY não se importa.

instruction-cmd = O que roda se ninguém disser outra coisa: { $words }
    .layers = Nenhuma: os arquivos não mudam.
    .metadata = Define Cmd, no lugar do anterior. Com um ENTRYPOINT, são os argumentos dele. Sem colchetes, quem o roda é um shell, e é o shell, não o programa, que recebe os sinais.
    .cache = Não custa nada e não estraga nada: a configuração é calculada de novo a cada vez.

instruction-copy = Copiar do contexto: { $words }
    .layers = Uma camada com os arquivos copiados. O que o .dockerignore cita não está lá para ser copiado.
    .metadata = Uma linha no histórico.
    .cache = Serve de novo enquanto os nomes, as permissões e os conteúdos das origens forem os mesmos. As datas não contam; por isso, um checkout novo dos mesmos arquivos não faz construir nada de novo.

instruction-copy-from = Copiar de outro estágio ou de outra imagem: { $words }
    .layers = Uma camada com os arquivos copiados e mais nada do outro estágio: os compiladores e o código-fonte dele ficam para trás. É para isso que os estágios servem.
    .metadata = Uma linha no histórico.
    .cache = Serve de novo enquanto o conteúdo dos arquivos copiados for o mesmo, ainda que o outro estágio tenha sido construído de novo.

instruction-entrypoint = O que roda em qualquer caso: { $words }
    .layers = Nenhuma: os arquivos não mudam.
    .metadata = Define Entrypoint e tira o Cmd da imagem de base, que era para outro programa. Os argumentos de `run` vêm depois dele.
    .cache = Não custa nada e não estraga nada: a configuração é calculada de novo a cada vez.

instruction-env = Definir variáveis: { $words }
    .layers = Nenhuma: os arquivos não mudam.
    .metadata = Acrescenta a Env: toda instrução posterior vê as variáveis, e o programa também. Segredos não cabem aqui, pois qualquer um que tenha a imagem pode lê-los.
    .cache = Um valor novo faz construir de novo todo RUN posterior, pois um comando vê a variável.

instruction-expose = Anotar as portas em que o programa escuta: { $words }
    .layers = Nenhuma: os arquivos não mudam.
    .metadata = Acrescenta a ExposedPorts. Não abre nada; é um aviso a quem roda a imagem.
    .cache = Não custa nada e não estraga nada: a configuração é calculada de novo a cada vez.

instruction-from = Começar um estágio sobre { $words }
    .layers = As camadas da base ficam por baixo. Elas não são copiadas: uma camada é guardada uma só vez, pelo seu digest, por mais imagens que a usem.
    .metadata = O estágio começa com a configuração da base. O que a base deixou para os filhos (ONBUILD) é feito primeiro.
    .cache = O digest da base entra em todas as chaves acima dela: uma base nova faz construir o estágio de novo; a mesma base com outro nome, não.

instruction-from-scratch = Começar um estágio sobre nada: { $words }
    .layers = Nenhuma ainda: não há um arquivo sequer, nem mesmo um shell. Por isso, RUN precisa de um programa que tenha sido copiado antes.
    .metadata = Uma configuração vazia, a não ser por PATH.
    .cache = Nada embaixo pode mudar; tudo depende deste arquivo e do que é copiado.

instruction-healthcheck = Como ver se o programa está bem: { $words }
    .layers = Nenhuma: os arquivos não mudam.
    .metadata = Define Healthcheck, no lugar do que a base tinha.
    .cache = Não custa nada e não estraga nada: a configuração é calculada de novo a cada vez; por isso, uma verificação alterada nunca se perde num cache.

instruction-label = Anotar na imagem: { $words }
    .layers = Nenhuma: os arquivos não mudam.
    .metadata = Acrescenta a Labels.
    .cache = Não custa nada e não estraga nada: a configuração é calculada de novo a cada vez.

instruction-maintainer = Dizer quem é o autor: { $words }
    .layers = Nenhuma: os arquivos não mudam.
    .metadata = Define o autor. A instrução é antiga; escreva LABEL org.opencontainers.image.authors no lugar dela.
    .cache = Não custa nada e não estraga nada: a configuração é calculada de novo a cada vez.

instruction-onbuild = Deixar uma instrução a quem construir sobre esta imagem: { $words }
    .layers = Nenhuma agora. Ela é executada logo depois do FROM de uma construção que se baseie nesta imagem.
    .metadata = Acrescenta a OnBuild. Um filho a executa e não a passa adiante.
    .cache = Aqui não custa nada; no filho é uma instrução como as outras.

instruction-run = Rodar um comando num contêiner: { $words }
    .layers = Uma camada com cada arquivo que o comando acrescentou, mudou ou apagou. Um arquivo que está numa camada anterior continua lá, mesmo que seja apagado aqui: apague no mesmo RUN o que não quiser entregar. O que é montado (--mount) não deixa rastro.
    .metadata = Uma linha no histórico com o comando e os valores de ARG.
    .cache = Serve de novo se o comando, as variáveis, o usuário, o diretório e todas as camadas de baixo forem os mesmos. O que ele busca na rede ninguém olha: `RUN apt-get update` não é feito de novo só porque há novidades.

instruction-shell = O shell dos comandos sem colchetes: { $words }
    .layers = Nenhuma: os arquivos não mudam.
    .metadata = Define Shell.
    .cache = Faz construir de novo todo RUN posterior sem colchetes, pois passa a ser outro comando.

instruction-stopsignal = O sinal que pede ao programa que termine: { $words }
    .layers = Nenhuma: os arquivos não mudam.
    .metadata = Define StopSignal; sem ele, é SIGTERM.
    .cache = Não custa nada e não estraga nada: a configuração é calculada de novo a cada vez.

instruction-user = Quem roda o que vem a seguir: { $words }
    .layers = Nenhuma: os arquivos não mudam, e o usuário não é criado.
    .metadata = Define User, para as instruções RUN posteriores e para o programa. Sem ele, é o root do contêiner.
    .cache = Faz construir de novo todo RUN posterior, pois outro usuário pode fazer outras coisas.

instruction-volume = Diretórios que sobrevivem aos contêineres: { $words }
    .layers = Nenhuma: os arquivos não mudam.
    .metadata = Acrescenta a Volumes: cada contêiner recebe ali um volume novo, com o que a imagem tem nesse lugar.
    .cache = Não custa nada e não estraga nada: a configuração é calculada de novo a cada vez.

instruction-workdir = Trabalhar no diretório { $words }
    .layers = Uma camada com o diretório, vazia se ele já existia.
    .metadata = Define WorkingDir, para as instruções posteriores e para o programa. Um caminho relativo começa onde o anterior terminou.
    .cache = Serve de novo enquanto o caminho, o usuário e todas as camadas de baixo forem os mesmos.
